//===- Windows.cpp - reductions along several loops -----------------------===//
#include "Windows.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::fptq;

/// Elements in between are read for nothing; beyond this, loops are no slower.
static constexpr int64_t kLongestStep = 4;

bool mlir::fptq::isWindow(linalg::LinalgOp op) {
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  auto moves = [&](AffineExpr expr) {
    return !isa<AffineDimExpr>(expr) && llvm::any_of(reductions, [&](unsigned r) { return expr.isFunctionOfDim(r); });
  };
  return reductions.size() > 1 || llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *input) {
           return llvm::any_of(op.getMatchingIndexingMap(input).getResults(), moves);
         });
}

/// Elements from one step of loop `d` to the next in an index that is linear in it (0: not a function of it), or
/// nothing.
static std::optional<int64_t> stepOf(AffineExpr expr, unsigned d) {
  if (!expr.isFunctionOfDim(d))
    return 0;
  if (isa<AffineDimExpr>(expr))
    return 1;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::optional<int64_t> left = stepOf(binary.getLHS(), d), right = stepOf(binary.getRHS(), d);
  if (!left || !right)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Add)
    return *left + *right;
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() == AffineExprKind::Mul && factor)
    return *left * factor.getValue();
  return std::nullopt;
}

/// The result's last loop of more than one step: vectors run along it.
static int findColumns(linalg::LinalgOp op, ArrayRef<int64_t> extents) {
  for (AffineExpr expr : llvm::reverse(op.getMatchingIndexingMap(op.getDpsInitOperand(0)).getResults())) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return -1;
    if (extents[dim.getPosition()] != 1)
      return dim.getPosition();
  }
  return -1;
}

/// Step along loop `d` of an input that has it in its last dimension of more than one element only (0: not at all), or
/// nothing.
static std::optional<int64_t> lastStep(AffineMap map, unsigned d, ArrayRef<int64_t> extents) {
  bool last = true;
  std::optional<int64_t> step = 0;
  for (AffineExpr expr : llvm::reverse(map.getResults())) {
    if (expr.isFunctionOfDim(d)) {
      step = stepOf(expr, d);
      if (!last || !step || *step < 1 || *step > kLongestStep)
        return std::nullopt;
    }
    for (auto [loop, extent] : llvm::enumerate(extents))
      last &= extent == 1 || !expr.isFunctionOfDim(loop);
  }
  return step;
}

/// Whether each index that is a function of loop `d` moves by 1 with it.
static bool movesByOne(AffineMap map, unsigned d) {
  return llvm::all_of(map.getResults(),
                      [&](AffineExpr expr) { return !expr.isFunctionOfDim(d) || stepOf(expr, d) == 1; });
}

WindowShape mlir::fptq::analyzeWindow(linalg::LinalgOp op) {
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  WindowShape shape;
  int columns = findColumns(op, extents);
  if (columns < 0)
    return shape;
  SmallVector<AffineMap> along, inSteps; // inputs that are read along columns, and those that are not one by one
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(input);
    std::optional<int64_t> step = lastStep(map, columns, extents);
    if (!step)
      return shape;
    if (*step >= 1)
      along.push_back(map);
    if (*step > 1)
      inSteps.push_back(map);
  }
  if (along.empty())
    return shape;
  shape.columns = columns;
  bool shared = false; // rows that share the vectors of an input are better than others
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  for (int d = 0; d < (int)extents.size(); ++d) {
    auto reads = [&](AffineMap map) { return map.isFunctionOfDim(d); };
    if (d == columns || kinds[d] != utils::IteratorType::parallel || extents[d] == 1 || llvm::any_of(inSteps, reads))
      continue;
    if (!llvm::all_of(op.getIndexingMapsArray(), [&](AffineMap map) { return movesByOne(map, d); }))
      continue;
    bool shares = llvm::none_of(along, reads);
    if (shares < shared)
      continue;
    shape.rows = d;
    shared = shares;
  }
  return shape;
}

linalg::LinalgOp mlir::fptq::orderByResult(RewriterBase &rewriter, linalg::LinalgOp op) {
  rewriter.setInsertionPoint(op);
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic) {
    FailureOr<linalg::GenericOp> generalized = linalg::generalizeNamedOp(rewriter, op);
    if (failed(generalized))
      return op;
    generic = *generalized;
  }
  llvm::SetVector<unsigned> order;
  for (AffineExpr expr : generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)).getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      order.insert(dim.getPosition());
  for (unsigned d = 0; d < generic.getNumLoops(); ++d)
    order.insert(d);
  FailureOr<linalg::GenericOp> ordered = linalg::interchangeGenericOp(rewriter, generic, order.getArrayRef());
  return succeeded(ordered) ? *ordered : generic;
}

void mlir::fptq::readSteps(RewriterBase &rewriter, linalg::GenericOp op) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  Location loc = op.getLoc();
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap &map = maps[input->getOperandNumber()];
    auto type = dyn_cast<RankedTensorType>(input->get().getType());
    auto product = map.getNumResults() == 1 ? dyn_cast<AffineBinaryOpExpr>(map.getResult(0)) : nullptr;
    auto loop = product ? dyn_cast<AffineDimExpr>(product.getLHS()) : nullptr;
    std::optional<int64_t> step = loop ? stepOf(product, loop.getPosition()) : std::nullopt;
    if (!type || !step || *step < 2 || *step > kLongestStep || ShapedType::isDynamic(extents[loop.getPosition()]))
      continue;
    int64_t kept = extents[loop.getPosition()];
    auto read = VectorType::get((kept - 1) * *step + 1, type.getElementType());
    SmallVector<int64_t> positions;
    for (int64_t i = 0; i < kept; ++i)
      positions.push_back(i * *step);
    rewriter.setInsertionPoint(op);
    Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0);
    const bool inBounds[] = {true};
    Value all =
        vector::TransferReadOp::create(rewriter, loc, read, input->get(), zero, std::nullopt, ArrayRef(inBounds));
    Value some = vector::ShuffleOp::create(rewriter, loc, all, all, positions);
    Value empty = tensor::EmptyOp::create(rewriter, loc, {kept}, type.getElementType());
    Operation *written = vector::TransferWriteOp::create(rewriter, loc, some, empty, zero, ArrayRef(inBounds));
    map = AffineMap::get(map.getNumDims(), 0, loop);
    rewriter.modifyOpInPlace(op, [&] {
      input->set(written->getResult(0));
      op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
    });
  }
}
