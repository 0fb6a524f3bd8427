//===- TileReductions.cpp - vector accumulators along reductions ----------===//
#include "Tiling.h"
#include "Windows.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQTILEREDUCTIONSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqTileReductionsPass : impl::FptqTileReductionsPassBase<FptqTileReductionsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// Whether partial results can be combined at all: by one operation that has a neutral element. Upstream's tiling
/// answers the same with errors, and leaves the op as it was.
static bool hasPartialForm(linalg::LinalgOp op) {
  SmallVector<Operation *> combiners;
  return op->getNumResults() == 1 && matchReduction(op.getRegionOutputArgs(), 0, combiners) && combiners.size() == 1 &&
         arith::getNeutralElement(combiners.front()).has_value();
}

/// `op` with a result of only the dimensions that loops run along (a mean that keeps its dimension writes `(d0, 0)`):
/// upstream's tiling takes every result of the map for a loop, and reads past its sizes. Null where it cannot be had.
static linalg::LinalgOp dropConstantResults(IRRewriter &rewriter, linalg::LinalgOp op) {
  OpOperand *init = op.getDpsInitOperand(0);
  AffineMap map = op.getMatchingIndexingMap(init);
  if (map.isProjectedPermutation())
    return op;
  auto type = dyn_cast<RankedTensorType>(init->get().getType());
  SmallVector<int64_t> shape;
  SmallVector<AffineExpr> results;
  for (auto [d, expr] : llvm::enumerate(map.getResults())) {
    if (isa<AffineConstantExpr>(expr) && type && type.getDimSize(d) == 1)
      continue;
    shape.push_back(type ? type.getDimSize(d) : 0);
    results.push_back(expr);
  }
  auto reduced = AffineMap::get(map.getNumDims(), 0, results, op.getContext());
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic || !type || !reduced.isProjectedPermutation())
    return {};
  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  Value inner = tensor::createCanonicalRankReducingExtractSliceOp(rewriter, loc, init->get(), type.clone(shape));
  auto copy = cast<linalg::GenericOp>(rewriter.clone(*op));
  copy.getOutputsMutable().assign(inner);
  copy->getResult(0).setType(inner.getType());
  SmallVector<AffineMap> maps = copy.getIndexingMapsArray();
  maps.back() = reduced;
  copy.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
  rewriter.replaceOp(op,
                     tensor::createCanonicalRankReducingInsertSliceOp(rewriter, loc, copy.getResult(0), init->get()));
  return copy;
}

/// Partial accumulators of `sizes[r]` lanes, one horizontal sum at the end: the reassociation stands
/// in the IR and is not left to LLVM.
static void tilePartial(IRRewriter &rewriter, linalg::LinalgOp op, unsigned r, ArrayRef<int64_t> sizes,
                        SmallVectorImpl<LoopLikeOpInterface> &loops) {
  SmallVector<int64_t> tiles(sizes.size(), 0);
  tiles[r] = sizes[r];
  scf::SCFTilingOptions options;
  options.setTileSizes(indexAttrs(rewriter.getContext(), tiles));
  options.setReductionTilingStrategy(ReductionTilingStrategy::PartialReductionOuterReduction);
  options.setReductionDims({r});
  rewriter.setInsertionPoint(op);
  auto tiled = scf::tileUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
  if (failed(tiled))
    return; // left to the vectorizer as it is
  // Upstream leaves the piece's linalg.index to count from 0 in every step (docs/UpstreamIssues.md).
  SmallVector<OpFoldResult> offsets(sizes.size());
  offsets[r] = *tiled->loops.front().getSingleInductionVar();
  for (Operation *piece : tiled->tiledOps) {
    if (auto indexed = dyn_cast<linalg::LinalgOp>(piece))
      linalg::offsetIndices(rewriter, indexed, offsets);
    noteVectorSizes(piece, sizes, sizes, sizes[r]);
  }
  rewriter.replaceOp(op, tiled->replacements);
  llvm::append_range(loops, tiled->loops);
}

/// Hides how sizes of slices follow from the loops around them: composed into the bounds of further tiles, that would
/// keep peeling from seeing which of them are whole.
static void hideSizes(IRRewriter &rewriter, func::FuncOp function) {
  llvm::SetVector<Operation *> sizes;
  function.walk([&](tensor::ExtractSliceOp slice) {
    for (Value size : slice.getSizes())
      if (auto apply = size.getDefiningOp<affine::AffineApplyOp>())
        sizes.insert(apply);
  });
  for (Operation *op : sizes) {
    auto apply = cast<affine::AffineApplyOp>(op);
    rewriter.setInsertionPoint(apply);
    rewriter.replaceOp(
        apply, *affine::expandAffineMap(rewriter, apply.getLoc(), apply.getAffineMap(), apply.getMapOperands()));
  }
}

static void tileReduction(IRRewriter &rewriter, linalg::LinalgOp op, SmallVectorImpl<LoopLikeOpInterface> &loops) {
  int64_t encoded = op->getAttrOfType<IntegerAttr>(kReductionAttr).getInt();
  bool outer = encoded < 0;
  unsigned r = outer ? -1 - encoded : encoded;
  SmallVector<int64_t> sizes(op->getAttrOfType<DenseI64ArrayAttr>(kVectorSizesAttr).asArrayRef());
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  SmallVector<int64_t> rest(extents.size(), 0), along(extents.size(), 0);
  auto isReduction = [kinds = op.getIteratorTypesArray()](int d) { return kinds[d] == utils::IteratorType::reduction; };
  for (int d = 0; d < (int)extents.size(); ++d)
    if (isReduction(d))
      along[d] = sizes[d];
  // What peeling left over: a few rows one by one, columns by vectors of which the last one is masked.
  const int columns = !outer ? -1 : isWindow(op) ? analyzeWindow(op).columns : lastLoop(op, *op.getDpsInitOperand(0));
  for (int d = 0; d < (int)extents.size(); ++d)
    if (!isReduction(d) && ShapedType::isDynamic(extents[d]))
      rest[d] = sizes[d] = d == columns ? kVectorColumns : 1;
  op = tileOp(rewriter, op, rest, /*parallel=*/false, loops);
  if (outer && isWindow(op)) { // dimensions of 1 in between would keep accumulators in memory
    FailureOr<linalg::GenericOp> dropped = dropUnitLoops(rewriter, cast<linalg::GenericOp>(op.getOperation()), sizes);
    if (failed(dropped))
      return;
    op = *dropped;
    along.clear();
    for (auto [kind, size] : llvm::zip_equal(op.getIteratorTypesArray(), sizes))
      along.push_back(kind == utils::IteratorType::reduction ? size : 0);
  }
  if (outer) { // accumulators stay in registers over loops along the reductions
    SmallVector<LoopLikeOpInterface> steps;
    noteVectorSizes(tileOp(rewriter, op, along, /*parallel=*/false, steps, /*fuseFill=*/false), sizes, sizes, 1);
    return;
  }
  if (extents[r] == sizes[r]) { // one vector: reduced at once
    op->removeAttr(kVectorSizesAttr);
    op->removeAttr(kReductionAttr);
    return;
  }
  if (!hasPartialForm(op))
    return;
  if (linalg::LinalgOp reduced = dropConstantResults(rewriter, op))
    tilePartial(rewriter, reduced, r, sizes, loops);
}

void FptqTileReductionsPass::runOnOperation() {
  IRRewriter rewriter(&getContext());
  hideSizes(rewriter, getOperation());
  SmallVector<linalg::LinalgOp> ops;
  getOperation().walk([&](linalg::LinalgOp op) {
    if (op->hasAttr(kReductionAttr))
      ops.push_back(op);
  });
  SmallVector<LoopLikeOpInterface> loops;
  for (linalg::LinalgOp op : ops)
    tileReduction(rewriter, op, loops);
  peelLoops(rewriter, loops);
}
} // namespace mlir::fptq
