//===- FuseElementwise.cpp - guarded elementwise fusion -------------------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQFUSEELEMENTWISEPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqFuseElementwisePass : impl::FptqFuseElementwisePassBase<FptqFuseElementwisePass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// Only where nothing is computed twice, and never a body with side effects or regions.
static bool readsProducerOnce(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::LinalgOp>();
  auto consumer = dyn_cast<linalg::LinalgOp>(operand->getOwner());
  return producer && consumer && producer->hasOneUse() && consumer.getMatchingIndexingMap(operand).isPermutation();
}

void FptqFuseElementwisePass::runOnOperation() {
  RewritePatternSet patterns(&getContext());
  linalg::populateElementwiseOpsFusionPatterns(patterns, readsProducerOnce);
  if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
    signalPassFailure();
}
} // namespace mlir::fptq
