//===- FptqToX86.cpp - packed operations to calls of kernels --------------===//
#include "MatmulFields.h"
#include "fptq/Conversion/FptqToX86/Kernels.h"
#include "fptq/Conversion/FptqToX86/Passes.h"
#include "fptq/Pack/Layout.h"
#include "fptq/Support/Team.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::x86;

namespace mlir::fptq {
#define GEN_PASS_DEF_CONVERTFPTQTOX86PASS
#include "fptq/Conversion/FptqToX86/Passes.h.inc"
} // namespace mlir::fptq

namespace {
/// A parallel region costs 1 us; the weights of one row's product of 200 000 take 4 us to read from memory.
constexpr int64_t kMinParallelWork = 200000;
/// Threads take whole blocks of every tier.
constexpr int64_t kBlockPanels = 4;
/// Parts of a product's `prepare` among threads.
constexpr int64_t kPrepareParts = 8;

/// Stack space at the start of the function around `op`, so that a loop does not grow the stack; in a parallel loop of
/// its body, where `fptq-share-loops` finds it: each thread needs its own.
Value entryStack(Emitter &e, Operation *op, int64_t bytes) {
  OpBuilder::InsertionGuard guard(e);
  Block *entry = &op->getParentOfType<FunctionOpInterface>().getFunctionBody().front();
  for (auto loop = op->getParentOfType<scf::ParallelOp>(); loop; loop = loop->getParentOfType<scf::ParallelOp>())
    entry = loop.getBody();
  e.setInsertionPointToStart(entry);
  return e.stack(bytes);
}

Value toI64(Emitter &e, Value index) { return arith::IndexCastOp::create(e, e.i64(), index); }

Value dim(Emitter &e, Value memref, int64_t i) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(i))
    return e.num(type.getDimSize(i));
  return toI64(e, memref::DimOp::create(e, memref, i));
}

/// Address of the first element, and the stride of dimension 0 in elements.
struct Buffer {
  Value pointer, stride;
};
FailureOr<Buffer> buffer(Emitter &e, Operation *op, Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return op->emitOpError() << "has an operand of type " << type << " whose last dimension is not contiguous";
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(e, memref);
  Value pointer = LLVM::IntToPtrOp::create(e, e.ptr(), toI64(e, base));
  bool dynamicOffset = ShapedType::isDynamic(offset), dynamicStride = ShapedType::isDynamic(strides.front());
  Value offsetValue = dynamicOffset ? Value() : e.num(offset),
        stride = dynamicStride ? Value() : e.num(strides.front());
  if (dynamicOffset || dynamicStride) {
    auto metadata = memref::ExtractStridedMetadataOp::create(e, memref);
    if (dynamicOffset)
      offsetValue = toI64(e, metadata.getOffset());
    if (dynamicStride)
      stride = toI64(e, metadata.getStrides().front());
  }
  if (dynamicOffset || offset)
    pointer = e.at(pointer, e.mul(offsetValue, type.getElementTypeBitWidth() / 8));
  return Buffer{pointer, stride};
}

/// Writes an FptqMatmul or FptqQuantize, field by field.
struct Fields {
  Emitter &e;
  Value base;
  void set(size_t offset, Value v) { e.store(v, e.at(base, offset), 8); }
};

class Lowering {
public:
  Lowering(ModuleOp module, ArrayRef<Target> targets, bool threads)
      : module(module), targets(targets), threads(threads) {}
  LogicalResult lower(PackedMatmulOp op);
  LogicalResult lower(QuantizeActivationsOp op);

private:
  /// fn(target) for the tier this machine runs.
  void dispatch(Emitter &e, llvm::function_ref<void(Target)> fn);
  /// Whether code at the insertion point may be shared among threads: not what is one thread's share already.
  bool shares(Emitter &e);
  /// fn(first, last) over [0, count) in pieces of whole `unit`s; in parallel where `work` is worth it.
  void share(Emitter &e, Value count, int64_t unit, Value work, llvm::function_ref<void(Value, Value)> fn);
  LLVM::LLVMFuncOp runtimeFunction(Emitter &e, StringRef name, Type result, ArrayRef<Type> arguments);

  ModuleOp module;
  ArrayRef<Target> targets;
  bool threads;
};
} // namespace

LLVM::LLVMFuncOp Lowering::runtimeFunction(Emitter &e, StringRef name, Type result, ArrayRef<Type> arguments) {
  if (auto existing = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return existing;
  OpBuilder::InsertionGuard guard(e);
  e.setInsertionPointToStart(module.getBody());
  return LLVM::LLVMFuncOp::create(e, name, LLVM::LLVMFunctionType::get(result, arguments));
}

void Lowering::dispatch(Emitter &e, llvm::function_ref<void(Target)> fn) {
  if (targets.size() == 1)
    return fn(targets.front());
  Value tiers =
      LLVM::CallOp::create(e, runtimeFunction(e, "fptq_cpu_tiers", e.getI32Type(), {}), ValueRange()).getResult();
  auto runs = [&](Target t) {
    Value bit = e.getI32(1 << int(t.tier));
    return e.equal(arith::AndIOp::create(e, tiers, bit), bit);
  };
  // From the best to the worst: the first one the machine runs; the worst needs no question.
  SmallVector<Target> sorted(targets);
  llvm::sort(sorted, [](Target a, Target b) { return a.tier > b.tier; });
  std::function<void(size_t)> choose = [&](size_t i) {
    if (i + 1 == sorted.size())
      return fn(sorted[i]);
    e.ifElse(runs(sorted[i]), [&] { fn(sorted[i]); }, [&] { choose(i + 1); });
  };
  choose(0);
}

bool Lowering::shares(Emitter &e) {
  Operation *around = e.getInsertionBlock()->getParentOp();
  return threads && !isa<scf::ParallelOp>(around) && !around->getParentOfType<scf::ParallelOp>();
}

void Lowering::share(Emitter &e, Value count, int64_t unit, Value work, llvm::function_ref<void(Value, Value)> fn) {
  if (!shares(e))
    return fn(e.num(0), count);
  // A branch, not OpenMP's own `if`: a serialized region still costs two calls of its runtime.
  e.ifElse(
      e.less(e.num(kMinParallelWork), work), [&] { buildTeam(e, count, e.num(unit), fn); },
      [&] { fn(e.num(0), count); });
}

LogicalResult Lowering::lower(PackedMatmulOp op) {
  Emitter e(op.getLoc(), op);
  if (op.getLayout().getName() != "x86")
    return op.emitOpError() << "has layout '" << op.getLayout().getName() << "', the x86 tiers need 'x86' (layer '"
                            << op.getLayer() << "')";
  SchemeAttr scheme = op.getScheme();
  int64_t k = op.getK(), group = paddedGroupSize("x86", scheme.groupSizeFor(k));
  auto packedType = cast<MemRefType>(op.getPacked().getType());
  int64_t n = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  // Scales of unknown number are f32 unless the op says otherwise.
  bool twoLevel = scheme.getKind() == SchemeKind::TwoLevel, half = op->hasAttr("half_scales");
  if (!ShapedType::isDynamic(n) && packedType.hasStaticShape())
    half = packedType.getDimSize(0) ==
           packedBytes("x86", {n, k, scheme.groupSizeFor(k), twoLevel, scheme.getSymmetric(), true});
  WeightFormat format = WeightFormat::get(group, twoLevel, scheme.getSymmetric(), half);

  FailureOr<Buffer> q = buffer(e, op, op.getQ()), xScales = buffer(e, op, op.getXScales()),
                    xSums = buffer(e, op, op.getXSums()), packed = buffer(e, op, op.getPacked()),
                    y = buffer(e, op, op.getInit());
  Buffer none{LLVM::ZeroOp::create(e, e.ptr()), e.num(0)};
  FailureOr<Buffer> bias = op.getBias() ? buffer(e, op, op.getBias()) : none;
  FailureOr<Buffer> multiplicand = op.getMultiplicand() ? buffer(e, op, op.getMultiplicand()) : none;
  FailureOr<Buffer> residual = op.getResidual() ? buffer(e, op, op.getResidual()) : none;
  if (failed(q) || failed(xScales) || failed(xSums) || failed(packed) || failed(y) || failed(bias) ||
      failed(multiplicand) || failed(residual))
    return failure();

  Value m = dim(e, op.getQ(), 0), columns = dim(e, op.getInit(), 1), groups = dim(e, op.getXSums(), 1);
  // As x86::scratchBytes.
  Value bytes =
      e.add(e.mul(e.roundUp(m, 32), e.add(e.roundUp(e.mul(groups, group), 64), e.mul(groups, group / 8 * 4))), 64);
  Value scratch = memref::AllocOp::create(e, MemRefType::get({ShapedType::kDynamic}, e.getI8Type()),
                                          ValueRange{arith::IndexCastOp::create(e, e.getIndexType(), bytes)},
                                          ValueRange(), e.getI64IntegerAttr(64));
  Buffer scratchBuffer = *buffer(e, op, scratch);

  Fields mm{e, entryStack(e, op, sizeof(FptqMatmul))};
  mm.set(offsetof(FptqMatmul, m), m);
  mm.set(offsetof(FptqMatmul, n), columns);
  mm.set(offsetof(FptqMatmul, groups), groups);
  mm.set(offsetof(FptqMatmul, q), q->pointer);
  mm.set(offsetof(FptqMatmul, q_stride), q->stride);
  mm.set(offsetof(FptqMatmul, x_scales), xScales->pointer);
  mm.set(offsetof(FptqMatmul, x_sums), xSums->pointer);
  mm.set(offsetof(FptqMatmul, sums_stride), xSums->stride);
  mm.set(offsetof(FptqMatmul, packed), packed->pointer);
  mm.set(offsetof(FptqMatmul, bias), bias->pointer);
  mm.set(offsetof(FptqMatmul, residual), residual->pointer);
  mm.set(offsetof(FptqMatmul, residual_stride), residual->stride);
  mm.set(offsetof(FptqMatmul, y), y->pointer);
  mm.set(offsetof(FptqMatmul, y_stride), y->stride);
  mm.set(offsetof(FptqMatmul, scratch), scratchBuffer.pointer);
  mm.set(offsetof(FptqMatmul, activation), e.num(op.getActivation() ? int64_t(*op.getActivation()) : 0));
  mm.set(offsetof(FptqMatmul, multiplicand), multiplicand->pointer);
  mm.set(offsetof(FptqMatmul, multiplicand_stride), multiplicand->stride);

  Value panels = e.ceilDiv(columns, 16), work = e.mul(m, e.mul(columns, e.mul(groups, group)));
  dispatch(e, [&](Target target) {
    if (target.tier == Tier::Reference) {
      // The oracle itself: portable C of the runtime, which whoever links or loads the code has anyway.
      Fields f{e, entryStack(e, op, sizeof(FptqFormat))};
      f.set(offsetof(FptqFormat, padded_group), e.num(group));
      e.store(e.getI32(twoLevel), e.at(f.base, offsetof(FptqFormat, two_level)), 4);
      e.store(e.getI32(format.symmetric), e.at(f.base, offsetof(FptqFormat, symmetric)), 4);
      e.store(e.getI32(half), e.at(f.base, offsetof(FptqFormat, half_scales)), 4);
      auto reference = runtimeFunction(e, "fptq_reference_matmul", LLVM::LLVMVoidType::get(e.getContext()),
                                       {e.ptr(), e.ptr(), e.i64(), e.i64()});
      return share(e, panels, kBlockPanels, work, [&](Value first, Value last) {
        LLVM::CallOp::create(e, reference, ValueRange{mm.base, f.base, first, last});
      });
    }
    KernelSet kernels = getOrCreateKernels(module, target, format);
    // A copy of each code: worth about four multiply-adds. What is not shared is one part.
    Value copies = e.mul(e.mul(m, e.mul(groups, group)), 4), parts = e.num(1);
    if (shares(e))
      parts = e.select(e.less(e.num(kMinParallelWork), copies), e.num(kPrepareParts), parts);
    share(e, parts, 1, copies, [&](Value first, Value last) {
      e.loop(first, last, 1,
             [&](Value part) { LLVM::CallOp::create(e, kernels.prepare, ValueRange{mm.base, part, parts}); });
    });
    share(e, panels, kBlockPanels, work,
          [&](Value first, Value last) { LLVM::CallOp::create(e, kernels.run, ValueRange{mm.base, first, last}); });
  });
  memref::DeallocOp::create(e, scratch);
  op.erase();
  return success();
}

LogicalResult Lowering::lower(QuantizeActivationsOp op) {
  Emitter e(op.getLoc(), op);
  FailureOr<Buffer> x = buffer(e, op, op.getX()), q = buffer(e, op, op.getQInit()),
                    scales = buffer(e, op, op.getScalesInit()), sums = buffer(e, op, op.getSumsInit());
  Buffer none{LLVM::ZeroOp::create(e, e.ptr()), e.num(0)};
  FailureOr<Buffer> multiplier = op.getMultiplier() ? buffer(e, op, op.getMultiplier()) : none;
  if (failed(x) || failed(q) || failed(scales) || failed(sums) || failed(multiplier))
    return failure();
  Value staticScale = none.pointer;
  if (op.getStaticScale()) {
    staticScale = entryStack(e, op, 4);
    e.store(op.getStaticScale(), staticScale, 4);
  }
  Value m = dim(e, op.getX(), 0), k = dim(e, op.getX(), 1);
  Fields z{e, entryStack(e, op, sizeof(FptqQuantize))};
  z.set(offsetof(FptqQuantize, m), m);
  z.set(offsetof(FptqQuantize, k), k);
  z.set(offsetof(FptqQuantize, group_size), op.getGroupSize() ? e.num(op.getGroupSize()) : k);
  z.set(offsetof(FptqQuantize, padded_group), e.num(op.getPaddedGroupSize()));
  z.set(offsetof(FptqQuantize, x), x->pointer);
  z.set(offsetof(FptqQuantize, x_stride), x->stride);
  z.set(offsetof(FptqQuantize, multiplier), multiplier->pointer);
  z.set(offsetof(FptqQuantize, static_scale), staticScale);
  z.set(offsetof(FptqQuantize, q), q->pointer);
  z.set(offsetof(FptqQuantize, q_stride), q->stride);
  z.set(offsetof(FptqQuantize, scales), scales->pointer);
  z.set(offsetof(FptqQuantize, sums), sums->pointer);
  z.set(offsetof(FptqQuantize, sums_stride), sums->stride);
  Type element = cast<MemRefType>(op.getX().getType()).getElementType();
  FptqElement kind = element.isF32() ? FPTQ_F32 : element.isF16() ? FPTQ_F16 : FPTQ_BF16;
  dispatch(e, [&](Target target) {
    // A division and a handful of operations for each element: worth about eight multiply-adds.
    share(e, m, 1, e.mul(e.mul(m, k), 8), [&](Value first, Value last) {
      if (target.tier == Tier::Reference) {
        auto reference = runtimeFunction(e, "fptq_reference_quantize", LLVM::LLVMVoidType::get(e.getContext()),
                                         {e.ptr(), e.getI32Type(), e.i64(), e.i64()});
        LLVM::CallOp::create(e, reference, ValueRange{z.base, e.getI32(kind), first, last});
        return;
      }
      QuantizeFormat format{element, bool(op.getMultiplier()), bool(op.getStaticScale())};
      LLVM::CallOp::create(e, getOrCreateQuantize(module, target, format), ValueRange{z.base, first, last});
    });
  });
  op.erase();
  return success();
}

namespace {
struct ConvertFptqToX86Pass : mlir::fptq::impl::ConvertFptqToX86PassBase<ConvertFptqToX86Pass> {
  using ConvertFptqToX86PassBase::ConvertFptqToX86PassBase;

  void runOnOperation() override {
    SmallVector<Target> targets;
    for (const std::string &name : tiers) {
      std::optional<Target> target = parseTarget(name);
      if (!target) {
        getOperation().emitError() << "unknown tier '" << name
                                   << "', expected reference, avx2, avxvnni, avx512vnni or amx-int8, all but the "
                                      "first also with -emulated";
        return signalPassFailure();
      }
      targets.push_back(*target);
    }
    if (targets.empty())
      targets.push_back({Tier::Avx2});
    Lowering lowering(getOperation(), targets, threads);
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa<PackedMatmulOp, QuantizeActivationsOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      if (!isa<MemRefType>(op->getOperand(0).getType())) {
        op->emitOpError("is not bufferized");
        return signalPassFailure();
      }
      auto matmul = dyn_cast<PackedMatmulOp>(op);
      if (failed(matmul ? lowering.lower(matmul) : lowering.lower(cast<QuantizeActivationsOp>(op))))
        return signalPassFailure();
    }
  }
};
} // namespace
