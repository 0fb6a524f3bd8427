//===- AbsorbBias.cpp - the bias added to a linear ------------------------===//
#include "AbsorbBias.h"
#include "MatchLinear.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"

using namespace mlir;
using namespace mlir::fptq;

/// The other operand of an elementwise add of `value`, and the map from the sum's dimensions to its own.
static Value otherSummand(Operation *user, Value value, AffineMap &map) {
  if (auto sum = dyn_cast<arith::AddFOp>(user)) {
    map = AffineMap::getMultiDimIdentityMap(cast<RankedTensorType>(sum.getType()).getRank(), user->getContext());
    return sum.getLhs() == value ? sum.getRhs() : sum.getLhs();
  }
  auto add = dyn_cast<linalg::LinalgOp>(user);
  if (!add || add->getNumResults() != 1 || add.getNumReductionLoops() || add.getBlock()->getOperations().size() != 2)
    return {};
  auto sum = dyn_cast<arith::AddFOp>(add.getBlock()->front());
  AffineMap out = add.getMatchingIndexingMap(add.getDpsInitOperand(0));
  if (!sum || !out.isIdentity() || add.getBlock()->getTerminator()->getOperand(0) != sum.getResult())
    return {};
  OpOperand *mine = nullptr, *other = nullptr;
  for (Value side : {sum.getLhs(), sum.getRhs()}) {
    auto argument = dyn_cast<BlockArgument>(side);
    if (!argument)
      return {};
    OpOperand *operand = add.getMatchingOpOperand(argument);
    if (operand->get() == value && !mine)
      mine = operand;
    else
      other = operand;
  }
  if (!mine || !other || !add.getMatchingIndexingMap(mine).isIdentity())
    return {};
  map = add.getMatchingIndexingMap(other);
  return other->get();
}

Value mlir::fptq::constantAlong(Value value, AffineMap map, unsigned column, int64_t n) {
  while (true) {
    AffineMap move;
    if (Value below = lookThroughMove(value, move)) {
      map = move.compose(map);
      value = below;
    } else if (Value below = lookThroughExtension(value); below != value) {
      value = below;
    } else if (auto expand = value.getDefiningOp<tensor::ExpandShapeOp>();
               expand && expand.getSrcType().getRank() == 1) {
      value = expand.getSrc(); // [N] as 1 x .. x N
      map = AffineMap::get(map.getNumDims(), 0, {map.getResults().back()}, map.getContext());
    } else {
      break;
    }
  }
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !isConstantChain(value) || type.getNumElements() != n || n == 1)
    return {};
  for (auto [d, result] : llvm::enumerate(map.getResults())) {
    auto dim = dyn_cast<AffineDimExpr>(result);
    bool alongColumn = dim && dim.getPosition() == column;
    if (alongColumn != (type.getDimSize(d) != 1))
      return {};
  }
  return value;
}

Value mlir::fptq::asVector(OpBuilder &b, Location loc, Value value) {
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  if (rank == 1)
    return value;
  ReassociationIndices all = llvm::to_vector<2>(llvm::seq<int64_t>(0, rank));
  return tensor::CollapseShapeOp::create(b, loc, value, ArrayRef<ReassociationIndices>{all});
}

/// Follows the only use of `y` through an expand_shape that leaves the columns alone and a transposition (of a
/// convolution's result), as far as there are any; `column` follows. They are appended to `moves`.
static Value followMoves(Value y, unsigned &column, SmallVectorImpl<Operation *> &moves) {
  while (y.hasOneUse()) {
    Operation *user = *y.getUsers().begin();
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(user)) {
      ReassociationIndices group = expand.getReassociationIndices()[column];
      if (group.size() != 1)
        break;
      column = group.front();
    } else if (auto transpose = dyn_cast<linalg::TransposeOp>(user); transpose && transpose.getInput() == y) {
      column = llvm::find(transpose.getPermutation(), column) - transpose.getPermutation().begin();
    } else {
      break;
    }
    moves.push_back(user);
    y = user->getResult(0);
  }
  return y;
}

void mlir::fptq::absorbBias(IRRewriter &rewriter, LinearOp op) {
  SmallVector<Operation *> moves{op};
  unsigned column = cast<RankedTensorType>(op.getType()).getRank() - 1;
  Value y = followMoves(op.getResult(), column, moves);
  if (op.getBias() || !y.hasOneUse())
    return;
  Operation *add = *y.getUsers().begin();
  AffineMap map;
  Value other = otherSummand(add, y, map);
  if (!other)
    return;
  Value constant = constantAlong(other, map, column, op.getOutputChannels());
  if (!constant)
    return;
  if (!DominanceInfo().properlyDominates(constant, op)) {
    if (add->getBlock() != op->getBlock())
      return; // defined in the branch that adds it
    for (Operation *move : moves)
      rewriter.moveOpBefore(move, add);
  }
  rewriter.setInsertionPoint(op);
  op.getBiasMutable().assign(asVector(rewriter, op.getLoc(), constant));
  rewriter.setInsertionPoint(add);
  Type type = add->getResult(0).getType(); // may know sizes that the linear leaves open
  rewriter.replaceOp(add, y.getType() == type ? y : Value(tensor::CastOp::create(rewriter, add->getLoc(), type, y)));
}
