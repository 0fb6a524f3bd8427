//===- TileForVectors.cpp - linalg ops to register size -------------------===//
#include "PassOptions.h"
#include "Tiling.h"
#include "Windows.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQTILEFORVECTORSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqTileForVectorsPass : impl::FptqTileForVectorsPassBase<FptqTileForVectorsPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// One function's worth of tiling; collects the loops to peel at the end.
struct Tiler {
  IRRewriter rewriter;
  int64_t parallelMin, chunks, accumulators;
  SmallVector<LoopLikeOpInterface> loops;

  void tileElementwise(linalg::LinalgOp op);
  void tileReduction(linalg::LinalgOp op);
  void tileWindow(linalg::LinalgOp op);
  linalg::LinalgOp splitParallel(linalg::LinalgOp op, int columns);
  linalg::LinalgOp splitRows(linalg::LinalgOp op, int v);
};

/// Who runs along what in a contraction of two operands.
struct ContractionShape {
  bool outer = false;      ///< an operand runs along the output's last dimension
  int columns = -1;        ///< the output's last loop (outer form)
  int weightRows = -1;     ///< a loop of the second operand only
  int activationRows = -1; ///< a loop of the first operand only
};
} // namespace

/// Elements from which an elementwise op is worth a team, and rows of one of its pieces.
static constexpr int64_t kElementwiseParallelMin = 16384, kElementwiseRows = 16;
/// Below this, a whole row is one vector.
static constexpr int64_t kWholeRow = 32;
/// Rows of an outer-product tile, each of a vector or more.
static constexpr int64_t kMaxRows = 12;
/// What an unknown number of steps is taken for.
static constexpr int64_t kUnknownExtent = 64;

/// Pieces of an elementwise op for threads: 16 rows of an unknown number, which is one piece where there are few.
linalg::LinalgOp Tiler::splitRows(linalg::LinalgOp op, int v) {
  SmallVector<int64_t> extents = op.getStaticLoopRanges(), tiles(extents.size(), 0);
  if (!parallelMin || op->getParentOfType<scf::ForallOp>() || workOf(extents, kUnknownExtent) < kElementwiseParallelMin)
    return op;
  auto length = [&](int d) { return ShapedType::isDynamic(extents[d]) ? ShapedType::kDynamic : -extents[d]; };
  int rows = -1; // an unknown number of them, or most of them
  for (int d = 0; d < (int)extents.size(); ++d)
    if (d != v && extents[d] != 1 && (rows < 0 || length(d) < length(rows)))
      rows = d;
  if (rows < 0)
    return op;
  tiles[rows] = ShapedType::isDynamic(extents[rows]) ? kElementwiseRows : llvm::divideCeil(extents[rows], chunks);
  SmallVector<LoopLikeOpInterface> parallel;
  return tileOp(rewriter, op, tiles, /*parallel=*/true, parallel);
}

/// Vectors along the output's last dimension, one row at a time.
void Tiler::tileElementwise(linalg::LinalgOp op) {
  int v = lastLoop(op, *op.getDpsInitOperand(0));
  if (v < 0)
    return;
  op = splitRows(op, v);
  SmallVector<int64_t> extents = op.getStaticLoopRanges(), tiles(extents.size(), 1);
  bool whole = !ShapedType::isDynamic(extents[v]) && extents[v] <= kWholeRow;
  tiles[v] = whole ? 0 : kVectorColumns;
  noteVectorSizes(tileOp(rewriter, op, tiles, /*parallel=*/false, loops), tiles, extents, kVectorColumns);
}

static ContractionShape analyze(linalg::LinalgOp op, unsigned reduction, ArrayRef<int64_t> extents) {
  ContractionShape shape;
  shape.columns = lastLoop(op, *op.getDpsInitOperand(0));
  OpOperand *weight = nullptr, *activation = nullptr;
  for (OpOperand *input : op.getDpsInputOperands())
    if (shape.columns >= 0 && lastLoop(op, *input) == shape.columns &&
        op.getMatchingIndexingMap(input).isFunctionOfDim(reduction))
      weight = input;
  shape.outer = weight;
  if (!weight)
    weight = op.getDpsInputOperand(1);
  activation = op.getDpsInputOperand(weight == op.getDpsInputOperand(1) ? 0 : 1);
  for (unsigned d = 0; d < extents.size(); ++d) {
    if (d == reduction || extents[d] == 1)
      continue;
    bool inWeight = op.getMatchingIndexingMap(weight).isFunctionOfDim(d);
    bool inActivation = op.getMatchingIndexingMap(activation).isFunctionOfDim(d);
    if (inWeight && !inActivation && (shape.outer || (int)d != shape.columns))
      shape.weightRows = d;
    if (inWeight && !inActivation && !shape.outer && shape.weightRows < 0)
      shape.weightRows = d;
    if (inActivation && !inWeight)
      shape.activationRows = d;
  }
  return shape;
}

/// A large contraction first becomes `chunks` parallel pieces: more pieces than threads, so that a
/// busy core does not halve the speed.
linalg::LinalgOp Tiler::splitParallel(linalg::LinalgOp op, int columns) {
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  if (!parallelMin || workOf(extents, kUnknownExtent) < parallelMin)
    return op;
  auto kinds = op.getIteratorTypesArray();
  // Never the loop that vectors run along: of a packed weight's [N/32][K][32] it is the blocks that are shared out.
  int largest = -1;
  for (int d = 0; d < (int)extents.size(); ++d)
    if (d != columns && kinds[d] == utils::IteratorType::parallel && !ShapedType::isDynamic(extents[d]) &&
        (largest < 0 || extents[d] > extents[largest]))
      largest = d;
  if (largest < 0 || extents[largest] < 2)
    return op;
  SmallVector<int64_t> tiles(extents.size(), 0);
  tiles[largest] = llvm::divideCeil(extents[largest], std::min<int64_t>(chunks, extents[largest]));
  SmallVector<LoopLikeOpInterface> parallel;
  return tileOp(rewriter, op, tiles, /*parallel=*/true, parallel);
}

/// Products and row reductions: the parallel half of their tiling. FptqTileReductionsPass goes on.
void Tiler::tileReduction(linalg::LinalgOp op) {
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  unsigned r = reductions[0];
  bool contraction = op.getNumDpsInputs() == 2;
  if (contraction)
    op = splitParallel(op, lastLoop(op, *op.getDpsInitOperand(0)));
  SmallVector<int64_t> extents = op.getStaticLoopRanges(), tiles(extents.size(), 1);
  auto cap = [&](int64_t tile, int d) { return ShapedType::isDynamic(extents[d]) ? tile : std::min(tile, extents[d]); };
  int64_t vector = 32; // row reductions
  bool outer = false;
  if (contraction) {
    ContractionShape shape = analyze(op, r, extents);
    outer = shape.outer;
    if (outer) {
      vector = 1;
      tiles[shape.columns] = cap(64, shape.columns);
      if (shape.activationRows >= 0)
        tiles[shape.activationRows] =
            cap(std::clamp<int64_t>(accumulators / tiles[shape.columns], 1, kMaxRows), shape.activationRows);
    } else {
      vector = 16;
      if (shape.weightRows >= 0)
        tiles[shape.weightRows] = cap(4, shape.weightRows);
      if (!ShapedType::isDynamic(extents[r]) && extents[r] < 2 * vector)
        vector = 8; // short dot products: head sizes
      if (shape.activationRows >= 0) {
        tiles[shape.activationRows] = cap(4, shape.activationRows);
        if (shape.weightRows >= 0)
          tiles[shape.weightRows] = cap(2, shape.weightRows);
        vector = 8;
      }
    }
  }
  tiles[r] = 0;
  linalg::LinalgOp tiled = tileOp(rewriter, op, tiles, /*parallel=*/false, loops);
  tiles[r] = vector;
  tiled->setAttr(kVectorSizesAttr, rewriter.getDenseI64ArrayAttr(tiles));
  tiled->setAttr(kReductionAttr, rewriter.getI64IntegerAttr(outer ? -1 - (int64_t)r : r));
}

/// Of `extent` rows, `most` at a time or fewer: so many as divide it, or else evenly (13 of 12 at the most are 7 and
/// 6).
static int64_t divideRows(int64_t extent, int64_t most) {
  if (ShapedType::isDynamic(extent))
    return most;
  for (int64_t rows = most; 2 * rows > most; --rows)
    if (extent % rows == 0)
      return rows;
  return llvm::divideCeil(extent, llvm::divideCeil(extent, most));
}

/// Convolutions and pooling: the parallel half of their tiling, one vector of columns and rows as far as registers are
/// left. Several vectors a row were several times slower where the last is not whole (56 columns of AVX-512). The loops
/// over the window go around in FptqTileReductionsPass, so that each element's sum keeps its order.
void Tiler::tileWindow(linalg::LinalgOp op) {
  op = orderByResult(rewriter, op);
  const WindowShape shape = analyzeWindow(op);
  op = splitParallel(op, shape.columns);
  SmallVector<int64_t> extents = op.getStaticLoopRanges(), tiles(extents.size(), 1);
  int64_t length = extents[shape.columns], columns = shape.rows < 0 ? kWholeRow : kVectorColumns;
  tiles[shape.columns] = ShapedType::isDynamic(length) ? columns : std::min(length, columns);
  if (shape.rows >= 0)
    tiles[shape.rows] =
        divideRows(extents[shape.rows], std::clamp<int64_t>(accumulators / kVectorColumns, 1, kMaxRows));
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  for (unsigned r : reductions)
    tiles[r] = 0;
  SmallVector<LoopLikeOpInterface> nest;
  linalg::LinalgOp tiled = tileOp(rewriter, op, tiles, /*parallel=*/false, nest);
  llvm::append_range(loops, llvm::reverse(nest)); // so that what is left of rows has whole columns, too
  for (unsigned r : reductions)
    tiles[r] = 1;
  tiled->setAttr(kVectorSizesAttr, rewriter.getDenseI64ArrayAttr(tiles));
  tiled->setAttr(kReductionAttr, rewriter.getI64IntegerAttr(-1 - (int64_t)reductions.front()));
}

/// Ops whose tiles would never become vectors keep their shape: bodies with side effects, regions or
/// several results (the integer argmax of a softmax), reductions over several loops that no vector runs
/// along, and loops that never run.
static bool isTileable(linalg::LinalgOp op) {
  if (isa<linalg::FillOp>(op) || !op.hasPureTensorSemantics() || op->getNumResults() != 1)
    return false;
  if (llvm::is_contained(op.getStaticLoopRanges(), 0)) // upstream's tiling divides by it
    return false;
  if (op.getNumLoops() == 0 || !readsForwards(op))
    return false;
  if (op.getNumReductionLoops() > 1 && analyzeWindow(op).columns < 0)
    return false;
  return llvm::none_of(op.getBlock()->without_terminator(),
                       [](Operation &body) { return body.getNumRegions() || !isMemoryEffectFree(&body); });
}

void FptqTileForVectorsPass::runOnOperation() {
  if (failed(checkOption(getOperation(), getArgument(), "chunks", chunks)))
    return signalPassFailure();
  Tiler tiler{IRRewriter(&getContext()), parallelMin, chunks, accumulators, {}};
  SmallVector<linalg::LinalgOp> ops;
  getOperation().walk([&](linalg::LinalgOp op) {
    if (isTileable(op))
      ops.push_back(op);
  });
  for (linalg::LinalgOp op : ops) {
    if (isWindow(op) && analyzeWindow(op).columns >= 0)
      tiler.tileWindow(op);
    else if (op.getNumReductionLoops())
      tiler.tileReduction(op);
    else
      tiler.tileElementwise(op);
  }
  peelLoops(tiler.rewriter, tiler.loops);
}
} // namespace mlir::fptq
