//===- VerifyStage.cpp - what a stage promises the next -------------------===//
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

static InFlightDiagnostic broken(Operation *op, StringRef stage) {
  return op->emitOpError() << "breaks the promise of stage '" << stage << "' (layer '"
                           << op->getAttrOfType<StringAttr>("layer").getValue() << "'): ";
}

static LogicalResult checkRaised(LinearOp op) {
  if (op.getLayer().empty())
    return broken(op, "raised") << "it has no name";
  if (!isConstantChain(op.getWeight()))
    return broken(op, "raised") << "its weight is no constant";
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

static LogicalResult checkQuantized(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op)) {
    if (!linear.getPolicyAttr() || linear.getPolicyAttr().getKind() != PolicyKind::Float)
      return broken(linear, "quantized") << "it is still a linear";
    return success();
  }
  auto matmul = dyn_cast<QuantizedMatmulOp>(op);
  if (matmul && !matmul.getQ().getDefiningOp<QuantizeActivationsOp>())
    return broken(op, "quantized") << "its activations come from no quantize step";
  return success();
}

static LogicalResult checkPacked(Operation *op) {
  if (isa<QuantizedMatmulOp, QuantizedLookupOp>(op))
    return broken(op, "packed") << "it is not packed";
  return success();
}

/// Before quantization a lookup promises what a linear does, as far as it has it.
static LogicalResult checkLookup(LookupOp op, StringRef stage) {
  if (stage == "raised" && op.getLayer().empty())
    return broken(op, stage) << "it has no name";
  if (stage == "raised" && !isConstantChain(op.getTable()))
    return broken(op, stage) << "its table is no constant";
  if (stage == "decided" && !op.getReasonAttr())
    return broken(op, stage) << "it is not decided";
  if (stage == "quantized")
    return broken(op, stage) << "it is still a lookup of floats";
  return success();
}

static LogicalResult check(Operation *op, StringRef stage) {
  if (auto lookup = dyn_cast<LookupOp>(op))
    return checkLookup(lookup, stage);
  if (stage == "quantized")
    return checkQuantized(op);
  if (stage == "packed")
    return checkPacked(op);
  auto linear = dyn_cast<LinearOp>(op);
  if (!linear)
    return success();
  return stage == "raised" ? checkRaised(linear) : stage == "profiled" ? checkProfiled(linear) : checkDecided(linear);
}

void FptqVerifyStagePass::runOnOperation() {
  static constexpr StringLiteral kStages[] = {"raised", "profiled", "decided", "quantized", "packed"};
  if (!llvm::is_contained(kStages, StringRef(stage))) {
    getOperation().emitError() << "fptq-verify-stage: option stage='" << stage
                               << "' is not one of raised, profiled, decided, quantized, packed";
    return signalPassFailure();
  }
  bool ok = true;
  getOperation().walk([&](Operation *op) { ok &= succeeded(check(op, stage)); });
  if (!ok)
    signalPassFailure();
  markAllAnalysesPreserved();
}
} // namespace mlir::fptq
