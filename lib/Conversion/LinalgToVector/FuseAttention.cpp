//===- FuseAttention.cpp - both products of attention in one loop ---------===//
#include "PassOptions.h"
#include "Tiling.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQFUSEATTENTIONPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqFuseAttentionPass : impl::FptqFuseAttentionPassBase<FptqFuseAttentionPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// The parts of one attention. Loops are `root`'s.
struct Attention {
  linalg::LinalgOp first, second, root; ///< both products; the elementwise consumer of the second, or it itself
  SmallVector<unsigned> heads;          ///< loops that queries, keys and values all run along
  unsigned row = 0;                     ///< the query rows
};
} // namespace

static bool isContraction(linalg::LinalgOp op) { return op.getNumReductionLoops() == 1 && op.getNumDpsInputs() == 2; }

/// The contraction that feeds `probabilities` through elementwise ops *and a row reduction*: without that last
/// condition SwiGLU would match too.
static linalg::LinalgOp firstProduct(Value probabilities) {
  linalg::LinalgOp product;
  bool softmax = false;
  SmallVector<Value> todo{probabilities};
  llvm::SmallPtrSet<Operation *, 16> seen;
  while (!todo.empty()) {
    auto producer = todo.pop_back_val().getDefiningOp<linalg::LinalgOp>();
    if (!producer || isa<linalg::FillOp>(producer) || !seen.insert(producer).second)
      continue;
    if (isContraction(producer)) {
      product = producer;
      continue;
    }
    softmax |= producer.getNumReductionLoops() > 0;
    llvm::append_range(todo, producer.getDpsInputs());
  }
  return softmax ? product : linalg::LinalgOp();
}

/// The op to tile: the elementwise consumer of the second product (the division by the sum), if any.
static linalg::LinalgOp rootOf(linalg::LinalgOp second) {
  if (second->hasOneUse())
    if (auto user = dyn_cast<linalg::LinalgOp>(*second->getUsers().begin()))
      if (user.getNumReductionLoops() == 0 && user->getNumResults() == 1 && readsForwards(user))
        return user;
  return second;
}

/// Loop of `root` that runs along loop `d` of `second`, or -1.
static int loopOfRoot(linalg::LinalgOp root, linalg::LinalgOp second, unsigned d) {
  if (root == second)
    return d;
  AffineMap from = second.getMatchingIndexingMap(second.getDpsInitOperand(0));
  for (OpOperand *input : root.getDpsInputOperands())
    if (input->get() == second->getResult(0))
      for (auto [a, b] : llvm::zip(from.getResults(), root.getMatchingIndexingMap(input).getResults()))
        if (auto dim = dyn_cast<AffineDimExpr>(b); dim && a.isFunctionOfDim(d))
          return dim.getPosition();
  return -1;
}

static std::optional<Attention> matchAttention(linalg::LinalgOp second) {
  if (!isContraction(second))
    return std::nullopt;
  Attention attention;
  attention.second = second;
  attention.root = rootOf(second);
  unsigned probabilities = 0;
  for (unsigned i = 0; i < 2 && !attention.first; ++i) {
    attention.first = firstProduct(second.getDpsInputOperand(i)->get());
    probabilities = i;
  }
  if (!attention.first)
    return std::nullopt;
  AffineMap scores = second.getMatchingIndexingMap(second.getDpsInputOperand(probabilities));
  AffineMap values = second.getMatchingIndexingMap(second.getDpsInputOperand(1 - probabilities));
  AffineMap result = second.getMatchingIndexingMap(second.getDpsInitOperand(0));
  SmallVector<int64_t> extents = second.getStaticLoopRanges();
  int row = -1;
  auto longer = [&](unsigned d) { // the group of queries that share a head is the shorter one
    return row < 0 || ShapedType::isDynamic(extents[d]) ||
           (!ShapedType::isDynamic(extents[row]) && extents[d] > extents[row]);
  };
  for (unsigned d = 0; d < extents.size(); ++d) {
    if (!scores.isFunctionOfDim(d) || !result.isFunctionOfDim(d))
      continue;
    int loop = loopOfRoot(attention.root, second, d);
    if (loop < 0)
      return std::nullopt;
    if (values.isFunctionOfDim(d))
      attention.heads.push_back(loop);
    else if (longer(d))
      row = d;
  }
  if (row < 0)
    return std::nullopt;
  attention.row = loopOfRoot(attention.root, second, row);
  return attention;
}

/// Keys as columns: where queries and keys both run along the head's channels, each score would be a sum across a
/// vector; with the keys transposed once for all rows, vectors run along the keys.
static void transposeKeys(IRRewriter &rewriter, linalg::LinalgOp first) {
  auto generic = dyn_cast<linalg::GenericOp>(first.getOperation());
  SmallVector<unsigned> reductions;
  first.getReductionDims(reductions);
  int along = reductions.front(), columns = lastLoop(first, *first.getDpsInitOperand(0));
  if (!generic || columns < 0)
    return;
  for (OpOperand *keys : first.getDpsInputOperands()) {
    AffineMap map = first.getMatchingIndexingMap(keys);
    unsigned rank = map.getNumResults();
    if (lastLoop(first, *keys) != along || !map.isFunctionOfDim(columns) || rank < 2 ||
        map.getResult(rank - 2) != rewriter.getAffineDimExpr(columns))
      continue;
    rewriter.setInsertionPoint(first);
    auto order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::swap(order[rank - 1], order[rank - 2]);
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, first.getLoc(), keys->get());
    std::swap(sizes[rank - 1], sizes[rank - 2]);
    Type element = getElementTypeOrSelf(keys->get().getType());
    Value empty = tensor::EmptyOp::create(rewriter, first.getLoc(), sizes, element);
    auto transposed = linalg::TransposeOp::create(rewriter, first.getLoc(), keys->get(), empty, order);
    SmallVector<AffineExpr> results(map.getResults());
    std::swap(results[rank - 1], results[rank - 2]);
    SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
    maps[keys->getOperandNumber()] = AffineMap::get(map.getNumDims(), 0, results, map.getContext());
    rewriter.modifyOpInPlace(generic, [&] {
      keys->set(transposed->getResult(0));
      generic.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
    return;
  }
}

/// True if `slice` moves with the rows. What does not (keys, values) would be computed again for each block of rows.
static bool dependsOnRows(tensor::ExtractSliceOp slice, Operation *loop, unsigned row) {
  auto loops = cast<LoopLikeOpInterface>(loop);
  std::optional<SmallVector<Value>> variables = loops.getLoopInductionVars();
  SmallVector<Value> todo(slice.getOffsets());
  llvm::SmallPtrSet<Value, 8> seen;
  while (!todo.empty()) {
    Value value = todo.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    if (variables && row < variables->size() && value == (*variables)[row])
      return true;
    if (Operation *definition = value.getDefiningOp(); definition && loop->isProperAncestor(definition))
      llvm::append_range(todo, definition->getOperands());
  }
  return false;
}

/// Elementwise ops of the loop write over what they read last, so that one block of scores is all the loop touches.
static void reuseScores(Operation *loop) {
  loop->walk([](linalg::GenericOp op) {
    OpOperand *init = op->getNumResults() == 1 ? op.getDpsInitOperand(0) : nullptr;
    if (!init || op.getNumReductionLoops() || !init->get().getDefiningOp<tensor::EmptyOp>())
      return;
    for (OpOperand *input : op.getDpsInputOperands()) {
      auto isLater = [&](Operation *user) { return user->getBlock() != op->getBlock() || op->isBeforeInBlock(user); };
      if (input->get().getType() == init->get().getType() && input->get().getDefiningOp<linalg::LinalgOp>() &&
          op.getMatchingIndexingMap(input) == op.getMatchingIndexingMap(init) &&
          llvm::none_of(input->get().getUsers(), isLater))
        return init->set(input->get());
    }
  });
}

/// Whether the heads of few rows are worth a team: by the multiply-adds of both products, a length that is not known
/// taken for a few hundred keys.
static bool isWorthTeam(Attention attention, int64_t parallelMin) {
  return parallelMin && workOf(attention.second.getStaticLoopRanges(), /*unknown=*/256) >= (parallelMin + 1) / 2;
}

static void fuse(IRRewriter &rewriter, const Attention &attention, int64_t rows, int64_t parallelMin) {
  linalg::LinalgOp root = attention.root;
  SmallVector<int64_t> extents = root.getStaticLoopRanges(), tiles(extents.size(), 0);
  bool many = ShapedType::isDynamic(extents[attention.row]) || extents[attention.row] > rows;
  if (many) {
    tiles[attention.row] = rows;
    transposeKeys(rewriter, attention.first);
  }
  for (unsigned head : attention.heads)
    tiles[head] = 1;
  // Loops that are not tiled have no induction variable.
  unsigned rowVariable = llvm::count_if(ArrayRef(tiles).take_front(attention.row), [](int64_t t) { return t != 0; });
  scf::SCFTilingOptions tiling;
  tiling.setTileSizes(indexAttrs(rewriter.getContext(), tiles));
  if (many || isWorthTeam(attention, parallelMin))
    tiling.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  scf::SCFTileAndFuseOptions options;
  options.setTilingOptions(tiling);
  using Control = scf::SCFTileAndFuseOptions::ControlFnResult;
  options.setFusionControlFn([=](tensor::ExtractSliceOp slice, OpResult result, bool) -> std::optional<Control> {
    Operation *loop = slice->getParentOfType<scf::ForallOp>();
    bool moves = !many || isa<linalg::FillOp>(result.getOwner()) || !loop || dependsOnRows(slice, loop, rowVariable);
    if (moves && canBeTiledByResult(result))
      return Control{};
    return std::nullopt;
  });
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
  if (failed(checkOption(getOperation(), getArgument(), "rows", rows)))
    return signalPassFailure();
  llvm::MapVector<Operation *, Attention> found; // by root: tiling erases it, never collect one twice
  getOperation().walk([&](linalg::LinalgOp op) {
    if (std::optional<Attention> attention = matchAttention(op))
      found.insert({attention->root, *attention});
  });
  IRRewriter rewriter(&getContext());
  for (auto &[root, attention] : found)
    fuse(rewriter, attention, rows, parallelMin);
  // Slices of whole tensors of scores become tensors of a block's own.
  RewritePatternSet patterns(&getContext());
  tensor::populateFoldTensorEmptyPatterns(patterns);
  if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
    return signalPassFailure();
  getOperation().walk([](scf::ForallOp loop) { reuseScores(loop); });
}
} // namespace mlir::fptq
