//===- Tiling.cpp - what the tiling passes share --------------------------===//
#include "Tiling.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::fptq;

SmallVector<OpFoldResult> mlir::fptq::indexAttrs(MLIRContext *context, ArrayRef<int64_t> values) {
  Builder b(context);
  return llvm::map_to_vector(values, [&](int64_t v) -> OpFoldResult { return b.getIndexAttr(v); });
}

void mlir::fptq::noteVectorSizes(Operation *op, ArrayRef<int64_t> tileSizes, ArrayRef<int64_t> extents,
                                 int64_t otherwise) {
  SmallVector<int64_t> sizes;
  for (auto [tile, extent] : llvm::zip(tileSizes, extents))
    sizes.push_back(tile ? tile : ShapedType::isDynamic(extent) ? otherwise : extent);
  op->setAttr(kVectorSizesAttr, DenseI64ArrayAttr::get(op->getContext(), sizes));
}

static bool isForwards(AffineExpr expr) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || binary.getKind() == AffineExprKind::Add)
    return true;
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  return binary.getKind() == AffineExprKind::Mul && factor && factor.getValue() >= 0;
}

bool mlir::fptq::readsForwards(linalg::LinalgOp op) {
  bool forwards = true;
  for (AffineMap map : op.getIndexingMapsArray())
    map.walkExprs([&](AffineExpr expr) { forwards &= isForwards(expr); });
  return forwards;
}

bool mlir::fptq::canBeTiledByResult(OpResult result) {
  auto op = dyn_cast<linalg::LinalgOp>(result.getOwner());
  return !op || (op.getIndexingMapMatchingResult(result).isProjectedPermutation() && readsForwards(op));
}

int64_t mlir::fptq::workOf(ArrayRef<int64_t> extents, int64_t unknown) {
  int64_t work = 1;
  for (int64_t extent : extents)
    if (llvm::MulOverflow(work, ShapedType::isDynamic(extent) ? unknown : extent, work))
      return std::numeric_limits<int64_t>::max();
  return work;
}

int mlir::fptq::lastLoop(linalg::LinalgOp op, OpOperand &operand) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (map.getNumResults() == 0)
    return -1;
  auto dim = dyn_cast<AffineDimExpr>(map.getResults().back());
  return dim ? (int)dim.getPosition() : -1;
}

linalg::LinalgOp mlir::fptq::tileOp(IRRewriter &rewriter, linalg::LinalgOp op, ArrayRef<int64_t> tileSizes,
                                    bool parallel, SmallVectorImpl<LoopLikeOpInterface> &loops, bool fuseFill) {
  if (llvm::all_of(tileSizes, [](int64_t t) { return t == 0; }))
    return op;
  scf::SCFTilingOptions tiling;
  tiling.setTileSizes(indexAttrs(rewriter.getContext(), tileSizes));
  if (parallel)
    tiling.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  scf::SCFTileAndFuseOptions options;
  options.setTilingOptions(tiling);
  using Control = scf::SCFTileAndFuseOptions::ControlFnResult;
  options.setFusionControlFn([fuseFill](tensor::ExtractSliceOp, OpResult result, bool) -> std::optional<Control> {
    if (fuseFill && isa<linalg::FillOp>(result.getOwner()))
      return Control{};
    return std::nullopt;
  });
  rewriter.setInsertionPoint(op);
  auto tiled = scf::tileConsumerAndFuseProducersUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
  if (failed(tiled))
    return op; // stays whole; the vectorizer will say so where it matters
  for (OpResult result : op->getResults())
    if (auto it = tiled->replacements.find(result); it != tiled->replacements.end())
      rewriter.replaceAllUsesWith(result, it->second);
  rewriter.eraseOp(op);
  llvm::append_range(loops, tiled->loops);
  return cast<linalg::LinalgOp>(tiled->tiledAndFusedOps.front());
}

void mlir::fptq::peelLoops(IRRewriter &rewriter, ArrayRef<LoopLikeOpInterface> loops) {
  for (LoopLikeOpInterface loop : loops)
    if (auto forOp = dyn_cast<scf::ForOp>(loop.getOperation())) {
      scf::ForOp partial;
      rewriter.setInsertionPoint(forOp);
      // Failure means there is no partial iteration: nothing to do.
      (void)scf::peelForLoopAndSimplifyBounds(rewriter, forOp, partial);
    }
}
