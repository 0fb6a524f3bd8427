//===- UnitLoops.cpp - tiles without their loops of one step --------------===//
#include "Tiling.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::fptq;

/// The largest value of `expr`, of loops with these `extents`, where it grows with each; nothing where that is not
/// known.
static std::optional<int64_t> lastIndex(AffineExpr expr, ArrayRef<int64_t> extents) {
  bool grows = expr.isPureAffine();
  expr.walk([&](AffineExpr part) {
    auto constant = dyn_cast<AffineConstantExpr>(part);
    auto loop = dyn_cast<AffineDimExpr>(part);
    grows &= !(constant && constant.getValue() < 0) && !(loop && ShapedType::isDynamic(extents[loop.getPosition()])) &&
             part.getKind() != AffineExprKind::Mod;
  });
  if (!grows)
    return std::nullopt;
  SmallVector<AffineExpr> last = llvm::map_to_vector(extents, [&](int64_t extent) { // an open one is not in `expr`
    return getAffineConstantExpr(ShapedType::isDynamic(extent) ? 0 : extent - 1, expr.getContext());
  });
  auto value = dyn_cast<AffineConstantExpr>(expr.replaceDims(last));
  return value ? std::optional(value.getValue()) : std::nullopt;
}

/// Cuts off what windows leave over at the end of an input. Upstream drops a loop of one step together with its stride,
/// and then takes the input's size for the window's: all of a 3 x 3 image would be pooled by a window of 2 x 2.
static void cutLeftOver(IRRewriter &rewriter, linalg::GenericOp op) {
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  rewriter.setInsertionPoint(op);
  for (OpOperand *input : op.getDpsInputOperands()) {
    auto type = dyn_cast<RankedTensorType>(input->get().getType());
    if (!type)
      continue;
    SmallVector<int64_t> shape(type.getShape());
    for (auto [size, expr] : llvm::zip_equal(shape, op.getMatchingIndexingMap(input).getResults()))
      if (isa<AffineBinaryOpExpr>(expr) && !ShapedType::isDynamic(size))
        if (std::optional<int64_t> last = lastIndex(expr, extents))
          size = std::min(size, *last + 1);
    if (shape == type.getShape())
      continue;
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, op.getLoc(), input->get());
    for (auto [size, read] : llvm::zip_equal(sizes, shape))
      if (!ShapedType::isDynamic(read))
        size = rewriter.getIndexAttr(read);
    SmallVector<OpFoldResult> zeros(sizes.size(), rewriter.getIndexAttr(0)),
        ones(sizes.size(), rewriter.getIndexAttr(1));
    Value part = tensor::ExtractSliceOp::create(rewriter, op.getLoc(), input->get(), zeros, sizes, ones);
    rewriter.modifyOpInPlace(op, [&] { input->set(part); });
  }
}

FailureOr<linalg::GenericOp> mlir::fptq::dropUnitLoops(IRRewriter &rewriter, linalg::GenericOp op,
                                                       SmallVectorImpl<int64_t> &sizes) {
  cutLeftOver(rewriter, op);
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  linalg::ControlDropUnitDims control;
  control.rankReductionStrategy = linalg::ControlDropUnitDims::RankReductionStrategy::ExtractInsertSlice;
  rewriter.setInsertionPoint(op);
  auto dropped = linalg::dropUnitDims(rewriter, op, control);
  if (failed(dropped))
    return op;
  if (sizes.size() == extents.size()) {
    SmallVector<int64_t> kept;
    for (auto [size, extent] : llvm::zip(sizes, extents))
      if (extent != 1)
        kept.push_back(size);
    sizes = kept;
  }
  rewriter.replaceOp(op, dropped->replacements);
  auto result = dyn_cast<linalg::GenericOp>(dropped->resultOp.getOperation());
  if (!result)
    return failure();
  return result;
}
