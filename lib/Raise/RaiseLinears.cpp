//===- RaiseLinears.cpp - linears out of linalg ---------------------------===//
#include "AbsorbBias.h"
#include "ActivationQuantization.h"
#include "EmitLinear.h"
#include "EmitLookup.h"
#include "LayerNames.h"
#include "SplitExperts.h"
#include "SplitProducts.h"
#include "fptq/Raise/ComputedWeight.h"
#include "fptq/Raise/Passes.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Format.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQRAISEPASS
#include "fptq/Raise/Passes.h.inc"

namespace {
struct FptqRaisePass : impl::FptqRaisePassBase<FptqRaisePass> {
  using Base::Base;
  void getDependentDialects(DialectRegistry &registry) const override;
  void runOnOperation() override;
};
} // namespace

/// The model's own quantization of the input becomes the layer's policy, or at least its range.
static void takeQuantization(IRRewriter &rewriter, LinearOp linear) {
  rewriter.setInsertionPoint(linear);
  ActivationQuantization found;
  Value x = withoutQuantization(rewriter, linear.getX(), found);
  if (!x)
    return;
  auto options = remark::RemarkOpts::name("InputQuantization").category("Raise");
  if (!found.isInt8()) {
    remark::missed(linear.getLoc(), options)
        << remark::add("layer '{0}': its input's quantization is left alone", linear.getLayer().str())
        << remark::reason("codes {0} to {1} are not 8 bits", found.low, found.high);
    return;
  }
  linear.getXMutable().assign(x);
  double absmax = found.absmax();
  linear.setRangeAttr(RangeAttr::get(linear.getContext(), -absmax, absmax, absmax, /*tokens=*/0));
  if (!found.isSymmetric()) {
    remark::missed(linear.getLoc(), options)
        << remark::add("layer '{0}': only the range of its input's quantization is kept", linear.getLayer().str())
        << remark::reason("its zero point {0} is not 0", found.zero);
    return;
  }
  std::string reason;
  llvm::raw_string_ostream(reason) << "the model quantizes its input with scale " << llvm::format("%g", found.scale);
  linear.setPolicyAttr(PolicyAttr::get(linear.getContext(), PolicyKind::Static, reason));
}

static remark::RemarkOpts options(StringRef name) { return remark::RemarkOpts::name(name).category("Raise"); }

static void reportLeftAlone(Operation *op, StringRef what, StringRef reason) {
  if (!reason.empty())
    remark::missed(op->getLoc(), options("LeftAlone"))
        << remark::add("{0} left alone", what.str()) << remark::reason("{0}", reason.str());
}

/// Not in silence: no table and no recipe will name it.
static void warnOfLayer(Operation *op, Value weight, StringRef stays, StringRef reason) {
  InFlightDiagnostic warning = op->emitWarning() << "this layer stays in " << stays << ": " << reason;
  if (std::string name = nameOfConstantIn(weight); !name.empty())
    warning << " (weight '" << name << "')";
}

static void raiseLinear(IRRewriter &rewriter, linalg::LinalgOp op, LayerNames &names) {
  NoLinear why;
  FailureOr<LinearMatch> match = matchLinear(op, why);
  if (failed(match)) {
    if (why.isLayer)
      warnOfLayer(op, why.weight, "float", why.reason);
    return reportLeftAlone(op, "contraction", why.reason);
  }
  Location loc = op.getLoc();
  LinearOp linear = emitLinear(rewriter, op, *match, names);
  std::string layer = linear.getLayer().str();
  takeQuantization(rewriter, linear);
  absorbBias(rewriter, linear);
  remark::passed(loc, options("Raised")) << remark::add("layer '{0}' raised", layer) << remark::metric("layer", layer)
                                         << remark::metric("k", linear.getInputChannels())
                                         << remark::metric("n", linear.getOutputChannels());
}

/// The weight of a product that torch-mlir has fused out of ONNX's QuantizeLinear and DequantizeLinear around it, where
/// the weight has one scale; null of any other operation.
static Value weightOfIntegers(linalg::LinalgOp op) {
  if (!isa<linalg::QuantizedMatmulOp, linalg::QuantizedBatchMatmulOp, linalg::Conv2DNchwFchwQOp,
           linalg::Conv2DNhwcHwcfQOp, linalg::Conv2DNhwcFhwcQOp>(op))
    return {};
  Value weight = op.getDpsInputs()[1];
  return isComputedFromConstants(weight) ? weight : Value();
}

/// A linear, or one for each expert.
static void raise(IRRewriter &rewriter, linalg::LinalgOp op, LayerNames &names, ExpertRoutings &routings) {
  StringRef reason;
  FailureOr<ExpertsMatch> experts = matchExperts(op, reason);
  if (failed(experts))
    return reason.empty() ? raiseLinear(rewriter, op, names) : reportLeftAlone(op, "contraction", reason);
  for (linalg::LinalgOp expert : splitExperts(rewriter, op, *experts, routings))
    raiseLinear(rewriter, expert, names);
}

static void reportLookup(LookupOp op) {
  remark::passed(op.getLoc(), options("Raised"))
      << remark::add("layer '{0}' raised", op.getLayer().str()) << remark::metric("layer", op.getLayer())
      << remark::metric("k", op.getChannels()) << remark::metric("n", op.getRows());
}

/// Rows of constant tables, as many as one generic reads. Returns what is left of `op` to look at, or null.
static Operation *raiseLookup(IRRewriter &rewriter, Operation *op, LayerNames &names) {
  StringRef reason;
  auto layerOf = [&](Value table) { return names.nameOf(table, "table_") + ".lookup"; };
  if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    if (FailureOr<LookupMatch> match = matchLookup(generic, reason); succeeded(match)) {
      EmittedLookup emitted = emitLookup(rewriter, generic, *match, layerOf(match->table));
      reportLookup(emitted.lookup);
      return emitted.rest;
    }
  } else if (auto gather = dyn_cast<tensor::GatherOp>(op)) {
    if (FailureOr<Value> table = matchLookup(gather, reason); succeeded(table)) {
      reportLookup(emitLookup(rewriter, gather, layerOf(*table)));
      return nullptr;
    }
  }
  reportLeftAlone(op, "lookup", reason);
  return nullptr;
}

/// Run here too, and not by the pipelines alone: in a model of TOSA this pass would otherwise find nothing, and say
/// nothing. A second time there is nothing left to do.
static OpPassManager firstPasses() {
  OpPassManager pm(ModuleOp::getOperationName());
  pm.addPass(createFptqImportFrontendPass());
  pm.addPass(createFptqUnrollLayersPass());
  pm.addPass(createFptqFoldWeightsPass());
  return pm;
}

void FptqRaisePass::getDependentDialects(DialectRegistry &registry) const {
  Base::getDependentDialects(registry);
  firstPasses().getDependentDialects(registry);
}

void FptqRaisePass::runOnOperation() {
  OpPassManager first = firstPasses();
  if (failed(runPipeline(first, getOperation())))
    return signalPassFailure();
  LayerNames layerNames;
  if (!names.empty())
    if (llvm::Error error = layerNames.loadMap(names)) {
      getOperation().emitError() << "cannot read layer names: " << llvm::toString(std::move(error));
      return signalPassFailure();
    }
  SmallVector<linalg::LinalgOp> ops;
  getOperation().walk([&](linalg::LinalgOp op) {
    if (isMultiplyAccumulate(op))
      ops.push_back(op);
    else if (Value weight = unsplitWeight(op))
      warnOfLayer(op, weight, "float",
                  "its contraction does more than multiply an input with a weight: compute the rest before "
                  "or after it");
    else if (Value weight = weightOfIntegers(op))
      warnOfLayer(op, weight, "integers",
                  "its product is one of codes with zero points, and runs as the model has it: quantize weights per "
                  "channel before "
                  "the export, which keeps a product of floats with codes");
  });
  IRRewriter rewriter(&getContext());
  ExpertRoutings routings;
  for (linalg::LinalgOp op : ops)
    raise(rewriter, op, layerNames, routings);
  SmallVector<Operation *> readers; // after the linears, whose names do not depend on tables
  getOperation().walk([&](Operation *op) {
    if (isa<linalg::GenericOp, tensor::GatherOp>(op))
      readers.push_back(op);
  });
  for (Operation *op : readers)
    while (op)
      op = raiseLookup(rewriter, op, layerNames);
}
} // namespace mlir::fptq
