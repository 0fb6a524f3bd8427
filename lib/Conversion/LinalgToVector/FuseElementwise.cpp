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

/// An op whose loops never run is its destination; the tilers divide by their extents.
struct DropEmptyLoops : OpInterfaceRewritePattern<linalg::LinalgOp> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;
  LogicalResult matchAndRewrite(linalg::LinalgOp op, PatternRewriter &rewriter) const override {
    if (!op.hasPureTensorSemantics() || !llvm::is_contained(op.getStaticLoopRanges(), 0))
      return failure();
    rewriter.replaceOp(op, op.getDpsInits());
    return success();
  }
};

/// A constant without elements, which LLVM's globals cannot be.
struct EmptyConstant : OpRewritePattern<arith::ConstantOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ConstantOp op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!type || type.getNumElements() != 0)
      return failure();
    rewriter.replaceOpWithNewOp<tensor::EmptyOp>(op, type.getShape(), type.getElementType());
    return success();
  }
};
} // namespace

/// Only where nothing is computed twice: not into a loop either.
static bool readsProducerOnce(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::LinalgOp>();
  auto consumer = dyn_cast<linalg::LinalgOp>(operand->getOwner());
  return producer && consumer && producer->hasOneUse() && producer->getBlock() == consumer->getBlock() &&
         consumer.getMatchingIndexingMap(operand).isPermutation();
}

void FptqFuseElementwisePass::runOnOperation() {
  RewritePatternSet patterns(&getContext());
  patterns.add<DropEmptyLoops, EmptyConstant>(&getContext());
  linalg::populateElementwiseOpsFusionPatterns(patterns, readsProducerOnce);
  if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
    signalPassFailure();
}
} // namespace mlir::fptq
