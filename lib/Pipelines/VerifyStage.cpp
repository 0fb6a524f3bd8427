//===- VerifyStage.cpp - what a stage promises the next -------------------===//
#include "VerifyStage.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Pipelines/Passes.h"
#include "fptq/Support/Parameters.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQVERIFYSTAGEPASS
#include "fptq/Pipelines/Passes.h.inc"

namespace {
struct FptqVerifyStagePass : impl::FptqVerifyStagePassBase<FptqVerifyStagePass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

static InFlightDiagnostic broken(LayerOpInterface layer, StringRef stage) {
  return layer->emitOpError() << "breaks the promise of stage '" << stage << "' (layer '" << layer.getLayer() << "'): ";
}

static LogicalResult checkRaised(LayerOpInterface layer) {
  Value weight = layer.getFloatWeight();
  if (!weight)
    return success();
  if (layer.getLayer().empty())
    return broken(layer, "raised") << "it has no name";
  if (!isConstantChain(weight))
    return broken(layer, "raised") << "its " << (layer.getLayerKind() == LayerKind::Lookup ? "table" : "weight")
                                   << " is no constant";
  return success();
}

static LogicalResult checkProfiled(LinearOp op) {
  if (op.getPolicyAttr()) // the model's own: nothing is left to decide
    return success();
  if (!op.getRangeAttr()) // channel maxima only equalization needs, and a calibration table has none
    return broken(op, "profiled") << "it has no range";
  return success();
}

static LogicalResult checkDecided(LinearOp op) {
  if (!op.getPolicyAttr())
    return broken(op, "decided") << "it has no policy";
  if (op.getPolicyAttr().getKind() != PolicyKind::Float && !op.getSchemeAttr())
    return broken(op, "decided") << "it has no scheme";
  return success();
}

static LogicalResult checkDecided(LookupOp op) {
  if (!op.getReasonAttr())
    return broken(op, "decided") << "it is not decided";
  return success();
}

static LogicalResult checkQuantized(LayerOpInterface layer) {
  if (isa<LookupOp>(layer))
    return broken(layer, "quantized") << "it is still a lookup of floats";
  if (auto linear = dyn_cast<LinearOp>(*layer))
    if (!linear.getPolicyAttr() || linear.getPolicyAttr().getKind() != PolicyKind::Float)
      return broken(layer, "quantized") << "it is still a linear";
  auto matmul = dyn_cast<QuantizedMatmulOp>(*layer);
  if (matmul && !matmul.getQ().getDefiningOp<QuantizeActivationsOp>())
    return broken(layer, "quantized") << "its activations come from no quantize step";
  return success();
}

static LogicalResult checkPacked(LayerOpInterface layer) {
  if (isa<QuantizedMatmulOp, QuantizedLookupOp>(layer))
    return broken(layer, "packed") << "it is not packed";
  return success();
}

static LogicalResult check(LayerOpInterface layer, StringRef stage) {
  if (stage == "raised")
    return checkRaised(layer);
  if (stage == "quantized")
    return checkQuantized(layer);
  if (stage == "packed")
    return checkPacked(layer);
  if (auto lookup = dyn_cast<LookupOp>(*layer))
    return stage == "decided" ? checkDecided(lookup) : success();
  auto linear = dyn_cast<LinearOp>(*layer);
  if (!linear)
    return success();
  return stage == "profiled" ? checkProfiled(linear) : checkDecided(linear);
}

void FptqVerifyStagePass::runOnOperation() {
  static constexpr StringLiteral kStages[] = {"raised", "profiled", "decided", "quantized", "packed"};
  if (!llvm::is_contained(kStages, StringRef(stage))) {
    getOperation().emitError() << "fptq-verify-stage: option stage='" << stage
                               << "' is not one of raised, profiled, decided, quantized, packed";
    return signalPassFailure();
  }
  bool ok = true;
  getOperation().walk([&](LayerOpInterface layer) { ok &= succeeded(check(layer, stage)); });
  if (!ok)
    signalPassFailure();
  markAllAnalysesPreserved();
}

void addVerifyStage(OpPassManager &pm, StringRef stage) {
  FptqVerifyStagePassOptions options;
  options.stage = stage.str();
  pm.addPass(createFptqVerifyStagePass(options));
}
} // namespace mlir::fptq
