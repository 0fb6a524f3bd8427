//===- FuseAttention.cpp - both products of attention in one loop ---------===//
#include "Tiling.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQFUSEATTENTIONPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqFuseAttentionPass : impl::FptqFuseAttentionPassBase<FptqFuseAttentionPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

static bool isContraction(linalg::LinalgOp op) { return op.getNumReductionLoops() == 1 && op.getNumDpsInputs() == 2; }

/// True if `second` is fed by another contraction through elementwise ops *and a row reduction*:
/// without that last condition SwiGLU would match too.
static bool isSecondProduct(linalg::LinalgOp second) {
  if (!isContraction(second))
    return false;
  bool product = false, softmax = false;
  SmallVector<Value> todo(second.getDpsInputs());
  llvm::SmallPtrSet<Operation *, 16> seen;
  while (!todo.empty()) {
    auto producer = todo.pop_back_val().getDefiningOp<linalg::LinalgOp>();
    if (!producer || isa<linalg::FillOp>(producer) || !seen.insert(producer).second)
      continue;
    if (isContraction(producer)) {
      product = true;
      continue;
    }
    softmax |= producer.getNumReductionLoops() > 0;
    llvm::append_range(todo, producer.getDpsInputs());
  }
  return product && softmax;
}

/// The op to tile: the elementwise consumer of the second product (the division by the sum), if any.
static linalg::LinalgOp rootOf(linalg::LinalgOp second) {
  if (second->hasOneUse())
    if (auto user = dyn_cast<linalg::LinalgOp>(*second->getUsers().begin()))
      if (user.getNumReductionLoops() == 0 && user->getNumResults() == 1)
        return user;
  return second;
}

static void fuse(IRRewriter &rewriter, linalg::LinalgOp root, int64_t rows) {
  SmallVector<int64_t> extents = root.getStaticLoopRanges(), tiles(extents.size(), 0);
  if (extents.size() < 3)
    return;
  tiles[0] = ShapedType::isDynamic(extents[0]) ? rows : 0; // loops are (row, head, ...)
  tiles[1] = 1;
  scf::SCFTilingOptions tiling;
  tiling.setTileSizes(indexAttrs(rewriter.getContext(), tiles));
  // The heads of a single row (decode) are too little work for a parallel region.
  if (ShapedType::isDynamic(extents[0]) || extents[0] > rows)
    tiling.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  scf::SCFTileAndFuseOptions options;
  options.setTilingOptions(tiling);
  rewriter.setInsertionPoint(root);
  auto tiled = scf::tileConsumerAndFuseProducersUsingSCF(rewriter, cast<TilingInterface>(root.getOperation()), options);
  if (failed(tiled)) {
    root.emitRemark("attention not fused: its consumer cannot be tiled");
    return;
  }
  for (OpResult result : root->getResults())
    if (auto it = tiled->replacements.find(result); it != tiled->replacements.end())
      rewriter.replaceAllUsesWith(result, it->second);
  rewriter.eraseOp(root);
}

void FptqFuseAttentionPass::runOnOperation() {
  llvm::SetVector<Operation *> roots; // tiling erases a root: never collect one twice
  getOperation().walk([&](linalg::LinalgOp op) {
    if (isSecondProduct(op))
      roots.insert(rootOf(op));
  });
  IRRewriter rewriter(&getContext());
  for (Operation *root : roots)
    fuse(rewriter, cast<linalg::LinalgOp>(root), rows);
}
} // namespace mlir::fptq
