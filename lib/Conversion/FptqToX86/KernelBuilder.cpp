//===- KernelBuilder.cpp - names, targets and small parts -----------------===//
#include "Driver.h"
#include "fptq/Conversion/FptqToX86/FptqX86.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::x86;

//===----------------------------------------------------------------------===//
// Targets and formats
//===----------------------------------------------------------------------===//

std::optional<Target> x86::parseTarget(StringRef name) {
  bool emulated = name.consume_back("-emulated");
  for (int tier = 0; tier < FPTQ_TIER_COUNT; ++tier)
    if (name == fptq_tier_name(FptqTier(tier)) && !(emulated && tier == FPTQ_REFERENCE))
      return Target{Tier(tier), emulated};
  return std::nullopt;
}

std::string x86::knownTargets() {
  std::string text;
  for (int tier = 0; tier < FPTQ_TIER_COUNT; ++tier)
    text += std::string(tier ? ", " : "") + fptq_tier_name(FptqTier(tier));
  return text + " (all but the first also with -emulated)";
}

WeightFormat WeightFormat::get(int64_t group, bool twoLevel, bool symmetric, bool halfScales) {
  PanelLayout l = panelLayout({/*n=*/1, /*k=*/group, group, twoLevel, symmetric, halfScales});
  return {group, twoLevel, symmetric, halfScales, l.tail, l.zeros, l.tailBytes, l.groupBytes};
}

const Isa &x86::isaOf(Tier tier) {
  switch (tier) {
  case Tier::Reference:
  case Tier::Avx2:
    return avx2Isa();
  case Tier::AvxVnni:
    return avxVnniIsa();
  case Tier::Avx512Vnni:
    return avx512VnniIsa();
  case Tier::Avx512VnniZen:
    return avx512VnniZenIsa();
  case Tier::AmxInt8:
    return amxInt8Isa();
  }
  llvm_unreachable("every tier has its vectors");
}

KernelSet x86::getOrCreateKernels(ModuleOp module, Target target, const WeightFormat &format) {
  MatmulDriver driver(module, isaOf(target.tier), target.emulated, format);
  return {driver.prepare(), driver.matmul()};
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

static std::string setName(const WeightFormat &w) {
  std::string name = w.twoLevel ? "two_level" : w.symmetric ? "sym" : "asym";
  return name + "_g" + std::to_string(w.group) + (w.halfScales ? "_f16" : "_f32");
}

KernelBuilder::KernelBuilder(ModuleOp module, const Isa &isa, bool emulated, const WeightFormat &w)
    : module(module), isa(isa), emulated(emulated), w(w), prefix(setName(w)) {
  Builder b(module.getContext());
  bytes = VectorType::get(4 * isa.lanes, b.getI8Type());
  ints = VectorType::get(isa.lanes, b.getI32Type());
  floats = VectorType::get(isa.lanes, b.getF32Type());
  sums = isa.pairSums ? VectorType::get(2 * isa.lanes, b.getI16Type()) : ints;
  ptr = LLVM::LLVMPointerType::get(module.getContext());
  i64 = b.getI64Type();
}

LLVM::LLVMFuncOp x86::getOrCreateFunction(ModuleOp module, const Isa &isa, bool emulated, const Twine &name,
                                          ArrayRef<Type> arguments, BodyFn body) {
  std::string symbol = ("fptq_" + isa.name + (emulated ? "_emulated_" : "_") + name).str();
  std::replace(symbol.begin(), symbol.end(), '-', '_');
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(symbol))
    return existing;
  Emitter e(module.getLoc(), module.getContext());
  e.setInsertionPointToEnd(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(e.getContext()), arguments);
  auto f = LLVM::LLVMFuncOp::create(e, symbol, type, LLVM::Linkage::Internal);
  // "fptq-kernel": Target runs only a short list of LLVM passes on it, which keep what is written here.
  f.setPassthroughAttr(e.getStrArrayAttr({"nounwind", "fptq-kernel"}));
  if (emulated) {
    f->setAttr(kEmulatedAttr, e.getUnitAttr());
  } else {
    f.setTargetCpu(isa.cpu);
    if (!isa.tune.empty())
      f.setTuneCpu(isa.tune);
    if (!isa.features.empty())
      f.setTargetFeaturesAttr(LLVM::TargetFeaturesAttr::get(e.getContext(), isa.features));
  }
  Block *entry = f.addEntryBlock(e);
  e.setInsertionPointToStart(entry);
  body(e, entry->getArguments());
  LLVM::ReturnOp::create(e, ValueRange());
  return f;
}

LLVM::LLVMFuncOp KernelBuilder::function(const Twine &name, ArrayRef<Type> arguments, BodyFn body) {
  return getOrCreateFunction(module, isa, emulated, prefix + "_" + name, arguments, body);
}

void KernelBuilder::call(Emitter &e, LLVM::LLVMFuncOp callee, ValueRange arguments) {
  LLVM::CallOp::create(e, callee, arguments);
}

//===----------------------------------------------------------------------===//
// Small parts
//===----------------------------------------------------------------------===//

/// (P2) One k-quad of a vector of packed bytes. Shifts 16-bit lanes: there is no shift of bytes.
Value KernelBuilder::nibbles(Emitter &e, Value packed, bool high, bool inPlace) {
  if (high && inPlace)
    return arith::AndIOp::create(e, packed, e.splat(bytes, -16));
  if (high) {
    VectorType halves = e.vec(2 * isa.lanes, e.getI16Type());
    Value shifted = arith::ShRUIOp::create(e, e.bitcast(halves, packed), e.splat(halves, 4));
    packed = e.bitcast(bytes, shifted);
  }
  return arith::AndIOp::create(e, packed, e.splat(bytes, 15));
}

/// (P4, P5) `vector` counts those of one panel.
Value KernelBuilder::loadTail(Emitter &e, Tail kind, Value tail, int64_t vector) {
  int64_t first = vector * isa.lanes;
  if (kind == Tail::Scale) {
    if (!w.halfScales)
      return e.load(floats, e.at(tail, 4 * first));
    return arith::ExtFOp::create(e, floats, e.load(e.vec(isa.lanes, e.getF16Type()), e.at(tail, 2 * first)));
  }
  int64_t at = kind == Tail::Multiplier ? 0 : w.zeros;
  VectorType narrow = e.vec(isa.lanes, e.getI8Type());
  Value raw = e.load(narrow, e.at(tail, at + first));
  if (kind == Tail::Offset) // b - 128 as a signed byte
    return arith::ExtSIOp::create(e, ints, arith::XOrIOp::create(e, raw, e.splat(narrow, -128)));
  return arith::ExtUIOp::create(e, ints, raw);
}

KernelBuilder::Finish KernelBuilder::loadFinish(Emitter &e, Value panelTail, int64_t vector) {
  // Bytes of a dword are moved, not multiplied: vpshufb costs a third of vpmulld.
  auto spread = [&](Tail kind, std::array<int64_t, 4> from) {
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < 4 * isa.lanes; ++i)
      order.push_back(i / 4 * 4 + from[i % 4]);
    Value v = e.bitcast(bytes, loadTail(e, kind, panelTail, vector));
    return vector::ShuffleOp::create(e, v, v, order).getResult();
  };
  Finish finish{Value(), spread(Tail::Zero, {0, 0, 0, 0})};
  if (w.twoLevel)
    finish.multiplier = e.bitcast(e.vec(2 * isa.lanes, e.getI16Type()), spread(Tail::Multiplier, {0, 1, 0, 1}));
  return finish;
}

/// a * q + b in both bytes of a 16-bit lane at once: a * q <= 240 carries nothing over.
Value KernelBuilder::finished(Emitter &e, Value quad, const Finish &finish) {
  if (finish.multiplier)
    quad = e.bitcast(bytes, e.mul(e.bitcast(finish.multiplier.getType(), quad), finish.multiplier));
  return e.add(quad, finish.offset);
}

Value KernelBuilder::dot(Emitter &e, Value sum, Value weights, Value activations) {
  if (isa.pairSums)
    return Madd8Op::create(e, sum.getType(), sum, weights, activations, /*weight_max=*/15);
  return Dot4Op::create(e, sum.getType(), sum, weights, activations);
}

/// Pairs of at most 2 * 15 * 127 fit eight times in 16 bits: 32 k; of (q - 8) x sixteen times, see startsInSums. In 32
/// bits everything up to K = 65536 fits.
int64_t KernelBuilder::sumDepth(int64_t group) const {
  if (!isa.pairSums)
    return group;
  for (int64_t depth = startsInSums() ? 64 : 32; depth > 8; depth -= 8)
    if (group % depth == 0)
      return depth;
  return 8;
}

/// (a, a) in 16 bits each: vpmaddwd by them widens and scales at once.
Value KernelBuilder::pairs(Emitter &e, Value wide) {
  Value high = arith::ShLIOp::create(e, wide, e.splat(ints, 16));
  return e.bitcast(sums, arith::OrIOp::create(e, wide, high));
}

/// (P6) Bytes of a pair.
Value KernelBuilder::pairBytes(Emitter &e, Value groups) {
  return e.add(e.mul(groups, w.groupBytes), w.twoLevel ? kPairColumns * (w.halfScales ? 2 : 4) : 0);
}

/// Where the panels of a block are, as arguments of kernels: a pointer to each pair.
SmallVector<Type> KernelBuilder::panelTypes() { return SmallVector<Type>(isa.panels / kPairPanels, ptr); }

/// The arguments of panelTypes, from the front of `args`.
ValueRange KernelBuilder::takePanels(ValueRange &args) const {
  ValueRange panels = args.take_front(isa.panels / kPairPanels);
  args = args.drop_front(panels.size());
  return panels;
}

/// Behind the last pair it is repeated, and `epilogue` leaves the copies out.
SmallVector<Value> KernelBuilder::blockPanels(Emitter &e, Value matmul, Value block, Value last) {
  MatmulFields mm(e, matmul);
  Value bytes = pairBytes(e, mm.groups()), first = e.div(block, e.num(kPairPanels));
  Value end = e.ceilDiv(last, kPairPanels);
  SmallVector<Value> pairs;
  for (int64_t j = 0; j < isa.panels / kPairPanels; ++j)
    pairs.push_back(e.at(mm.packed(), e.mul(e.min(e.add(first, j), e.add(end, -1)), bytes)));
  return pairs;
}

/// (P4, P5) The tail of a panel of the block, of the group at byte `group` of its pair.
Value KernelBuilder::panelTail(Emitter &e, ValueRange panels, Value group, int64_t panel) {
  return e.at(e.at(panels[panel / kPairPanels], group), w.tail + panel % kPairPanels * w.tailBytes);
}
