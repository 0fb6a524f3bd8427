//===- RaiseLinears.cpp - linears out of linalg ---------------------------===//
#include "AbsorbBias.h"
#include "EmitLinear.h"
#include "LayerNames.h"
#include "fptq/Raise/Passes.h"
#include "mlir/IR/Remarks.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQRAISEPASS
#include "fptq/Raise/Passes.h.inc"

namespace {
struct FptqRaisePass : impl::FptqRaisePassBase<FptqRaisePass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

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
