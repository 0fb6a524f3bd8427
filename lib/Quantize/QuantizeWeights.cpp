//===- QuantizeWeights.cpp - decided layers to 4-bit weights --------------===//
#include "EmitQuantized.h"
#include "FloatConstants.h"
#include "QuantizedLayers.h"
#include "StoredWeights.h"
#include "fptq/Quantize/Passes.h"
#include "fptq/Support/FloatLookup.h"
#include "mlir/IR/Remarks.h"

#include <cmath>

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQQUANTIZEWEIGHTSPASS
#include "fptq/Quantize/Passes.h.inc"

namespace {
struct FptqQuantizeWeightsPass : impl::FptqQuantizeWeightsPassBase<FptqQuantizeWeightsPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  LogicalResult quantizeAll(QuantizedLayers &layers, WeightStore &store, const ParameterFiles &files);
  LogicalResult quantize(QuantizedLayer &layer, WeightStore &store, const ParameterFiles &files);
};
} // namespace

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
static std::vector<float> importanceOf(LayerOpInterface use) {
  auto linear = dyn_cast<LinearOp>(*use);
  if (!linear || linear.getSchemeAttr().getMethod() != WeightMethod::Mse)
    return {};
  std::vector<float> importance = floatElements(linear.getChannelAbsmaxAttr());
  for (float &v : importance)
    v *= v;
  return importance;
}

/// The codes that the weight came with.
static LogicalResult keepCodes(const QuantizedLayer &layer, WeightStore &store, const ParameterFiles &files) {
  auto use = cast<LinearOp>(*layer.uses.front());
  FailureOr<OperandBytes> bytes = storedBytes(use, layer.plan, files);
  if (failed(bytes) || failed(store.add(use.getLoc(), layer.plan, *bytes)))
    return failure();
  remark::passed(use.getLoc(), remark::RemarkOpts::name("KeptCodes").category("Quantize"))
      << remark::add("layer '{0}' keeps the codes it came with", use.getLayer().str())
      << remark::metric("layer", use.getLayer());
  return success();
}

/// A weight may be finite and its scale not: in f16 from 65504 * 7 on.
static LogicalResult checkScales(LayerOpInterface use, ArrayRef<float> scales, StringRef scaleType) {
  if (llvm::all_of(scales, [](float scale) { return std::isfinite(scale); }))
    return success();
  InFlightDiagnostic diag = use->emitOpError() << "has weights whose scale is more than " << scaleType
                                               << " holds (layer '" << use.getLayer() << "')";
  return scaleType == "f16" ? diag << ": use scale-type=f32" : diag;
}

/// The weight of `layer`, evaluated and freed again here.
LogicalResult FptqQuantizeWeightsPass::quantize(QuantizedLayer &layer, WeightStore &store,
                                                const ParameterFiles &files) {
  LayerOpInterface use = layer.uses.front();
  FailureOr<std::vector<float>> weight = evaluateConstant(use.getFloatWeight(), files, use.getLayer());
  if (failed(weight))
    return failure();
  bool halfScales = scaleType == "f16";
  int64_t n = use.getWeightRows(), k = use.getWeightColumns();
  QuantizedWeight quantized =
      quantizeWeight(*weight, n, k, optionsFor(use.getSchemeAttr(), k, halfScales), importanceOf(use));
  layer.errorDb = quantized.errorDb;
  if (failed(checkScales(use, quantized.scales, scaleType)) ||
      failed(store.add(use->getLoc(), layer.plan, operandBytes(quantized, layer.plan, halfScales))))
    return failure();
  remark::passed(use->getLoc(), remark::RemarkOpts::name("Quantized").category("Quantize"))
      << remark::add("layer '{0}' quantized", use.getLayer().str()) << remark::metric("layer", use.getLayer())
      << remark::metric("error_db", quantized.errorDb);
  return success();
}

LogicalResult FptqQuantizeWeightsPass::quantizeAll(QuantizedLayers &layers, WeightStore &store,
                                                   const ParameterFiles &files) {
  auto isOwn = [](const auto &entry) { return entry.second.sharedWith.empty(); };
  int64_t done = 0, total = llvm::count_if(layers, isOwn);
  for (auto &[name, layer] : llvm::make_filter_range(layers, isOwn)) {
    bool kept = layer.stored || store.isDone(layer.plan);
    if (!store.isDone(layer.plan) &&
        failed(layer.stored ? keepCodes(layer, store, files) : quantize(layer, store, files)))
      return failure();
    ++done;
    if (progress)
      layer.uses.front()->emitRemark() << (kept ? "kept " : "quantized ") << done << " of " << total << ": " << name;
  }
  return success();
}

/// The quantized form of one use of `layer`, whose weight `source` has: its own, or that of a linear it shares.
static void emit(LayerOpInterface use, const QuantizedLayer &layer, const QuantizedLayer &source, WeightStore &store) {
  OpBuilder b(use);
  llvm::StringMap<Value> loaded;
  for (const WeightOperand &operand : source.plan.operands)
    loaded[operand.suffix] = store.load(b, use->getLoc(), source.plan, operand);
  QuantizedParts::Product weight{loaded.lookup("codes"), loaded.lookup("scales"), loaded.lookup("zeros"),
                                 loaded.lookup("multipliers")};
  if (auto lookup = dyn_cast<LookupOp>(*use))
    return emitQuantized(lookup, weight, source.errorDb);
  auto linear = cast<LinearOp>(*use);
  emitQuantized(linear, layer.stored ? storedParts(linear, loaded) : QuantizedParts{{weight}, {}}, source.errorDb);
}

void FptqQuantizeWeightsPass::runOnOperation() {
  ModuleOp module = getOperation();
  if (scaleType != "f32" && scaleType != "f16") {
    module.emitError() << "scale-type is '" << scaleType << "', expected f32 or f16";
    return signalPassFailure();
  }
  FailureOr<ParameterFiles> files = ParameterFiles::open(module);
  FailureOr<QuantizedLayers> layers = collectLayers(module, scaleType == "f16");
  if (failed(files) || failed(layers))
    return signalPassFailure();
  std::vector<PlannedWeight> plan;
  for (auto &[name, layer] : *layers)
    if (layer.sharedWith.empty())
      plan.push_back(layer.plan);
  auto store = WeightStore::create(module, parametersOut, resume, plan, globalsInUse(module, *layers), *files);
  if (failed(store) || failed(quantizeAll(*layers, **store, *files)))
    return signalPassFailure();
  for (auto &[name, layer] : *layers)
    for (LayerOpInterface use : layer.uses)
      emit(use, layer, layer.sharedWith.empty() ? layer : layers->find(layer.sharedWith)->second, **store);
  SmallVector<LookupOp> floats;
  module.walk([&](LookupOp op) { floats.push_back(op); });
  llvm::for_each(floats, lowerFloatLookup); // no later stage has anything to do with them
  eraseUnusedConstants(module);
  if (failed(checkFloatConstants(module, *files)) || failed((*store)->finish()))
    return signalPassFailure();
}
} // namespace mlir::fptq
