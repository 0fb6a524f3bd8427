//===- QuantizeWeights.cpp - decided linears to 4-bit weights -------------===//
#include "EmitQuantized.h"
#include "StoredWeights.h"
#include "WeightStore.h"
#include "fptq/IR/Limits.h"
#include "fptq/Quantize/Passes.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQQUANTIZEWEIGHTSPASS
#include "fptq/Quantize/Passes.h.inc"

namespace {
/// All calls of one layer: they share the weight.
struct Layer {
  SmallVector<LinearOp> calls;
  PlannedWeight plan;
  std::optional<double> errorDb;
  bool stored = false; ///< the codes it came with are kept
};
using Layers = llvm::MapVector<StringRef, Layer>;

struct FptqQuantizeWeightsPass : impl::FptqQuantizeWeightsPassBase<FptqQuantizeWeightsPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  LogicalResult quantize(Layers &layers, WeightStore &store, const ParameterFiles &files);
};
} // namespace

/// Everything the stage may assume of a linear (docs/Architecture.md), with an error that names it.
static LogicalResult checkDecided(LinearOp op) {
  if (!op.getPolicyAttr())
    return op.emitOpError() << "has no policy (layer '" << op.getLayer() << "'): run fptq-choose-policy first";
  PolicyKind kind = op.getPolicyAttr().getKind();
  if (kind == PolicyKind::Float)
    return success();
  if (!op.getSchemeAttr())
    return op.emitOpError() << "has no scheme (layer '" << op.getLayer() << "')";
  if (kind != PolicyKind::PerToken && !op.getRangeAttr())
    return op.emitOpError() << "has no profiled range for its " << stringifyEnum(kind) << " policy (layer '"
                            << op.getLayer() << "')";
  if (op.getInputChannels() > kMaxInputChannels) // before its weight is evaluated, which takes memory
    return op.emitOpError() << "(QM5) has " << op.getInputChannels()
                            << " input channels, which could overflow int32, at most " << kMaxInputChannels
                            << " (layer '" << op.getLayer() << "')";
  if (!isConstantChain(op.getWeight()))
    return op.emitOpError() << "has a weight that is no constant (layer '" << op.getLayer() << "')";
  if (op.getSchemeAttr().getMethod() == WeightMethod::Stored && !op.getWeight().getDefiningOp<DequantizeOp>())
    return op.emitOpError() << "is to keep its codes, but its weight came with none (layer '" << op.getLayer() << "')";
  return success();
}

/// Two calls of one name must mean one weight.
static LogicalResult checkSameLayer(LinearOp first, LinearOp other) {
  if (first.getWeight().getType().getShape() == other.getWeight().getType().getShape() &&
      first.getSchemeAttr() == other.getSchemeAttr() &&
      constantName(first.getWeight()) == constantName(other.getWeight()))
    return success();
  InFlightDiagnostic diag = other.emitOpError()
                            << "has another weight or scheme than an earlier call (layer '" << other.getLayer() << "')";
  diag.attachNote(first.getLoc()) << "earlier call";
  return diag;
}

static FailureOr<Layers> collect(ModuleOp module, bool halfScales) {
  Layers layers;
  WalkResult walked = module.walk([&](LinearOp op) -> WalkResult {
    if (failed(checkDecided(op)))
      return WalkResult::interrupt();
    if (op.getPolicyAttr().getKind() == PolicyKind::Float)
      return WalkResult::advance();
    Layer &layer = layers[op.getLayer()];
    if (!layer.calls.empty() && failed(checkSameLayer(layer.calls.front(), op)))
      return WalkResult::interrupt();
    layer.calls.push_back(op);
    layer.stored = op.getSchemeAttr().getMethod() == WeightMethod::Stored;
    if (layer.calls.size() == 1)
      layer.plan = {op.getLayer().str(),
                    layer.stored ? storedOperands(op)
                                 : weightOperands(op.getContext(), op.getSchemeAttr(), op.getOutputChannels(),
                                                  op.getInputChannels(), halfScales)};
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  return layers;
}

/// Constant chains whose last use a quantized linear was, and globals nobody loads any more.
static void eraseDeadChains(ModuleOp module) {
  IRRewriter rewriter(module.getContext());
  (void)runRegionDCE(rewriter, module->getRegions()); // failure means nothing was dead
  for (auto global : llvm::make_early_inc_range(module.getOps<ml_program::GlobalOp>()))
    if (SymbolTable::symbolKnownUseEmpty(global, module))
      global.erase();
}

/// External globals that something other than a linear to be quantized reads.
static SmallVector<ml_program::GlobalOp> globalsInUse(ModuleOp module, const Layers &layers) {
  llvm::DenseSet<Operation *> quantized;
  for (const auto &[name, layer] : layers)
    quantized.insert(layer.calls.begin(), layer.calls.end());
  // A load is dead with its chain if all that it reaches ends in such a linear's weight.
  std::function<bool(Value)> onlyWeights = [&](Value value) {
    return llvm::all_of(value.getUses(), [&](OpOperand &use) {
      Operation *user = use.getOwner();
      if (keepsOperands(user))
        return false;
      if (quantized.contains(user))
        return cast<LinearOp>(user).getWeight() == value;
      return user->getNumResults() == 1 && isMemoryEffectFree(user) && isConstantChain(user->getResult(0)) &&
             onlyWeights(user->getResult(0));
    });
  };
  llvm::SetVector<ml_program::GlobalOp> kept;
  module.walk([&](ml_program::GlobalLoadConstOp load) {
    auto global = SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(load, load.getGlobalAttr());
    if (isa_and_nonnull<ml_program::ExternAttr>(global.getValueAttr()) && !onlyWeights(load.getResult()))
      kept.insert(global);
  });
  return kept.takeVector();
}

static QuantizerOptions optionsFor(SchemeAttr scheme, int64_t k, bool halfScales) {
  QuantizerOptions options;
  options.groupSize = scheme.groupSizeFor(k);
  options.twoLevel = scheme.getKind() == SchemeKind::TwoLevel;
  options.symmetric = scheme.getSymmetric();
  options.searchClip = scheme.getMethod() == WeightMethod::Mse;
  options.halfScales = halfScales;
  return options;
}

/// Squared channel maxima as importance for the mse method; empty without a profile.
static std::vector<float> importanceOf(LinearOp op) {
  if (op.getSchemeAttr().getMethod() != WeightMethod::Mse)
    return {};
  std::vector<float> importance = floatElements(op.getChannelAbsmaxAttr());
  for (float &v : importance)
    v *= v;
  return importance;
}

LogicalResult FptqQuantizeWeightsPass::quantize(Layers &layers, WeightStore &store, const ParameterFiles &files) {
  bool halfScales = scaleType == "f16";
  int64_t done = 0, total = layers.size();
  for (auto &[name, layer] : layers) {
    LinearOp op = layer.calls.front();
    ++done;
    if (store.isDone(layer.plan)) {
      if (progress)
        op.emitRemark() << "kept " << done << " of " << total << ": " << name;
      continue;
    }
    if (layer.stored) {
      FailureOr<OperandBytes> bytes = storedBytes(op, layer.plan, files);
      if (failed(bytes) || failed(store.add(op.getLoc(), layer.plan, *bytes)))
        return failure();
      remark::passed(op.getLoc(), remark::RemarkOpts::name("KeptCodes").category("Quantize"))
          << remark::add("layer '{0}' keeps the codes it came with", name.str()) << remark::metric("layer", name);
      continue;
    }
    FailureOr<std::vector<float>> weight = evaluateConstant(op.getWeight(), files, name);
    if (failed(weight))
      return failure();
    int64_t n = op.getOutputChannels(), k = op.getInputChannels();
    QuantizedWeight quantized =
        quantizeWeight(*weight, n, k, optionsFor(op.getSchemeAttr(), k, halfScales), importanceOf(op));
    layer.errorDb = quantized.errorDb;
    if (failed(store.add(op.getLoc(), layer.plan, operandBytes(quantized, layer.plan, halfScales))))
      return failure();
    remark::passed(op.getLoc(), remark::RemarkOpts::name("Quantized").category("Quantize"))
        << remark::add("layer '{0}' quantized", name.str()) << remark::metric("layer", name)
        << remark::metric("error_db", quantized.errorDb);
    if (progress)
      op.emitRemark() << "quantized " << done << " of " << total << ": " << name;
  }
  return success();
}

void FptqQuantizeWeightsPass::runOnOperation() {
  ModuleOp module = getOperation();
  if (scaleType != "f32" && scaleType != "f16") {
    module.emitError() << "scale-type is '" << scaleType << "', expected f32 or f16";
    return signalPassFailure();
  }
  FailureOr<ParameterFiles> files = ParameterFiles::open(module);
  FailureOr<Layers> layers = collect(module, scaleType == "f16");
  if (failed(files) || failed(layers))
    return signalPassFailure();
  std::vector<PlannedWeight> plan;
  for (auto &[name, layer] : *layers)
    plan.push_back(layer.plan);
  auto store = WeightStore::create(module, parametersOut, resume, plan, globalsInUse(module, *layers), *files);
  if (failed(store) || failed(quantize(*layers, **store, *files)))
    return signalPassFailure();
  for (auto &[name, layer] : *layers)
    for (LinearOp op : layer.calls) {
      OpBuilder b(op);
      llvm::StringMap<Value> loaded;
      for (const WeightOperand &operand : layer.plan.operands)
        loaded[operand.suffix] = (*store)->load(b, op.getLoc(), layer.plan, operand);
      QuantizedParts parts;
      if (layer.stored)
        parts = storedParts(op, loaded);
      else
        parts.products = {
            {loaded.lookup("codes"), loaded.lookup("scales"), loaded.lookup("zeros"), loaded.lookup("multipliers")}};
      emitQuantized(op, parts, layer.errorDb);
    }
  eraseDeadChains(module);
  if (failed((*store)->finish()))
    return signalPassFailure();
}
} // namespace mlir::fptq
