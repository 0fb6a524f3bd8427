//===- LowerScaleChannels.cpp - fptq-lower-scale-channels -----------------===//
#include "fptq/Equalize/Passes.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERSCALECHANNELSPASS
#include "fptq/Equalize/Passes.h.inc"

namespace {
/// result[..., j, ...] = input[..., j, ...] * scales[j]
struct LowerScaleChannels : OpRewritePattern<ScaleChannelsOp> {
  using Base::Base;
  LogicalResult matchAndRewrite(ScaleChannelsOp op, PatternRewriter &rewriter) const override;
};

struct FptqLowerScaleChannelsPass : impl::FptqLowerScaleChannelsPassBase<FptqLowerScaleChannelsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// `x * s` in f32, for an `x` of any of our float types.
static Value multiplyInF32(OpBuilder &b, Location loc, Value x, Value s) {
  Type type = x.getType();
  if (!type.isF32())
    x = arith::ExtFOp::create(b, loc, b.getF32Type(), x);
  Value product = arith::MulFOp::create(b, loc, x, s);
  return type.isF32() ? product : arith::TruncFOp::create(b, loc, type, product);
}

LogicalResult LowerScaleChannels::matchAndRewrite(ScaleChannelsOp op, PatternRewriter &rewriter) const {
  auto type = cast<RankedTensorType>(op.getType());
  int64_t rank = type.getRank();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, op.getLoc(), op.getInput());
  Value empty = tensor::EmptyOp::create(rewriter, op.getLoc(), sizes, type.getElementType());
  AffineMap all = rewriter.getMultiDimIdentityMap(rank);
  AffineMap one = AffineMap::get(rank, 0, rewriter.getAffineDimExpr(op.getDim()));
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  rewriter.replaceOpWithNewOp<linalg::GenericOp>(
      op, type, ValueRange{op.getInput(), op.getScales()}, empty, ArrayRef{all, one, all}, iterators,
      [](OpBuilder &b, Location loc, ValueRange args) {
        linalg::YieldOp::create(b, loc, multiplyInF32(b, loc, args[0], args[1]));
      });
  return success();
}

void FptqLowerScaleChannelsPass::runOnOperation() {
  RewritePatternSet patterns(&getContext());
  patterns.add<LowerScaleChannels>(&getContext());
  if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
    signalPassFailure();
}

} // namespace mlir::fptq
