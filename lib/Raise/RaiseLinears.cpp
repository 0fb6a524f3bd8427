//===- RaiseLinears.cpp - linears out of linalg ---------------------------===//
#include "AbsorbBias.h"
#include "ActivationQuantization.h"
#include "EmitLinear.h"
#include "LayerNames.h"
#include "fptq/Raise/Passes.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/Format.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQRAISEPASS
#include "fptq/Raise/Passes.h.inc"

namespace {
struct FptqRaisePass : impl::FptqRaisePassBase<FptqRaisePass> {
  using Base::Base;
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

static void raise(IRRewriter &rewriter, linalg::LinalgOp op, LayerNames &names) {
  StringRef reason;
  FailureOr<LinearMatch> match = matchLinear(op, reason);
  auto options = [](StringRef name) { return remark::RemarkOpts::name(name).category("Raise"); };
  if (failed(match)) {
    if (!reason.empty())
      remark::missed(op.getLoc(), options("LeftAlone"))
          << remark::add("contraction left alone") << remark::reason("{0}", reason.str());
    return;
  }
  std::string layer = names.nameOf(match->weight);
  Location loc = op.getLoc();
  LinearOp linear = emitLinear(rewriter, op, *match, layer);
  takeQuantization(rewriter, linear);
  absorbBias(rewriter, linear);
  remark::passed(loc, options("Raised")) << remark::add("layer '{0}' raised", layer) << remark::metric("layer", layer)
                                         << remark::metric("k", linear.getInputChannels())
                                         << remark::metric("n", linear.getOutputChannels());
}

void FptqRaisePass::runOnOperation() {
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
  });
  IRRewriter rewriter(&getContext());
  for (linalg::LinalgOp op : ops)
    raise(rewriter, op, layerNames);
}
} // namespace mlir::fptq
