//===- FoldReshapes.cpp - reshapes out of the way of fusion ---------------===//
//
// torch-mlir gives attention a batch of its own, `collapse_shape`d to what batch_matmul takes and expanded again for
// the softmax, and keeps dimensions of size 1 everywhere. Fusion of rows and of attention sees through linalg ops only.
//
//===----------------------------------------------------------------------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQFOLDRESHAPESPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqFoldReshapesPass : impl::FptqFoldReshapesPassBase<FptqFoldReshapesPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// Rows and channels stay, be there one row or not: with fewer loops nothing is a row.
static constexpr unsigned kLoopsLeft = 2;

/// Loops of one step that may go, outer ones first. Not those of windows, whose strides upstream forgets
/// (docs/UpstreamIssues.md).
static SmallVector<unsigned> unitLoops(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || !llvm::all_of(linalgOp.getIndexingMapsArray(),
                                 [](AffineMap map) { return map.isProjectedPermutation(/*allowZeroInResults=*/true); }))
    return {};
  SmallVector<unsigned> units;
  SmallVector<int64_t> extents = linalgOp.getStaticLoopRanges();
  for (auto [loop, extent] : llvm::enumerate(extents))
    if (extent == 1)
      units.push_back(loop);
  size_t others = extents.size() - units.size();
  if (others < kLoopsLeft)
    units.truncate(units.size() - std::min<size_t>(units.size(), kLoopsLeft - others));
  return units;
}

static bool isProduct(linalg::LinalgOp op) {
  return op.getNumReductionLoops() == 1 && op.getNumDpsInputs() == 2 &&
         llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) { return map.isProjectedPermutation(); });
}

/// A function with a product of two reshaped activations. Others were written without such reshapes (by our importers),
/// one row and all, and later stages expect them so.
static bool hasReshapedProduct(func::FuncOp function) {
  auto isReshaped = [](Value value) { return value.getDefiningOp<tensor::CollapseShapeOp>() != nullptr; };
  auto found = function.walk([&](linalg::LinalgOp op) {
    return isProduct(op) && llvm::any_of(op.getDpsInputs(), isReshaped) ? WalkResult::interrupt()
                                                                        : WalkResult::advance();
  });
  return found.wasInterrupted();
}

/// True if `operand` is a batch of a product of two activations, made of several dimensions. Rows of one with a weight
/// stay merged: many of them are what makes a product fast.
static bool isMergedBatch(OpOperand *operand) {
  auto collapse = operand->get().getDefiningOp<tensor::CollapseShapeOp>();
  auto product = dyn_cast<linalg::LinalgOp>(operand->getOwner());
  if (!collapse || !product || !isProduct(product))
    return false;
  AffineMap map = product.getMatchingIndexingMap(operand);
  bool merged = false;
  for (auto [dim, group] : llvm::enumerate(collapse.getReassociationIndices())) {
    if (llvm::count_if(group, [&](int64_t d) { return collapse.getSrcType().getDimSize(d) != 1; }) < 2)
      continue; // dimensions of size 1 come and go
    merged = true;
    unsigned loop = map.getDimPosition(dim);
    if (llvm::any_of(product.getIndexingMapsArray(), [&](AffineMap other) { return !other.isFunctionOfDim(loop); }))
      return false;
  }
  return merged;
}

void FptqFoldReshapesPass::runOnOperation() {
  if (!hasReshapedProduct(getOperation()))
    return;
  MLIRContext *context = &getContext();
  RewritePatternSet patterns(context);
  linalg::ControlDropUnitDims control;
  control.controlFn = unitLoops;
  linalg::populateFoldUnitExtentDimsPatterns(patterns, control);
  linalg::populateFoldReshapeOpsByExpansionPatterns(patterns, isMergedBatch);
  tensor::populateReassociativeReshapeFoldingPatterns(patterns);
  tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, context);
  tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, context);
  if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
    signalPassFailure();
}
} // namespace mlir::fptq
