//===- PayloadWalk.cpp - a scale through the body of a linalg op ----------===//
//
// One rule for every spelling: whether gamma is the first or the second operand, has its own broadcast
// generic or is fused with the normalization before it, the body is an expression, and a scale goes
// through the operations of it that are linear in the scaled operand.
//
//===----------------------------------------------------------------------===//
#include "PayloadWalk.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fptq;

namespace {
class PayloadWalk {
public:
  PayloadWalk(linalg::LinalgOp op, ChannelMap loops,
              function_ref<FoldPlan(OpOperand &, const ChannelMap &)> intoOperand)
      : op(op), loops(std::move(loops)), intoOperand(intoOperand) {}

  /// Plans to scale `scalar`, which nothing but the expression above it reads.
  FoldPlan intoScalar(Value scalar);

private:
  FoldPlan intoOnlyUse(Value scalar);
  FoldPlan intoArgument(BlockArgument argument);
  FoldPlan throughSelect(arith::SelectOp select);
  FoldPlan throughMaximum(Operation *maximum);

  linalg::LinalgOp op;
  ChannelMap loops; ///< where the channels lie in the iteration space
  function_ref<FoldPlan(OpOperand &, const ChannelMap &)> intoOperand;
};
} // namespace

static bool isZeroScalar(Value scalar) { return matchPattern(scalar, m_AnyZeroFloat()); }

FoldPlan PayloadWalk::intoOnlyUse(Value scalar) {
  if (isZeroScalar(scalar))
    return FoldPlan::nothing();
  if (!scalar.hasOneUse())
    return FoldPlan::refused("(E3) another part of the same '" + op->getName().getStringRef() + "' reads it too");
  return intoScalar(scalar);
}

FoldPlan PayloadWalk::intoScalar(Value scalar) {
  if (auto argument = dyn_cast<BlockArgument>(scalar))
    return intoArgument(argument);
  return TypeSwitch<Operation *, FoldPlan>(scalar.getDefiningOp())
      .Case([&](arith::MulFOp mul) { return FoldPlan::either(intoOnlyUse(mul.getLhs()), intoOnlyUse(mul.getRhs())); })
      .Case<arith::AddFOp, arith::SubFOp>(
          [&](auto sum) { return FoldPlan::both(intoOnlyUse(sum.getLhs()), intoOnlyUse(sum.getRhs())); })
      .Case([&](math::FmaOp fma) {
        return FoldPlan::both(FoldPlan::either(intoOnlyUse(fma.getA()), intoOnlyUse(fma.getB())),
                              intoOnlyUse(fma.getC()));
      })
      .Case([&](arith::DivFOp div) { return intoOnlyUse(div.getLhs()); })
      .Case<arith::NegFOp, arith::ExtFOp, arith::TruncFOp>([&](auto cast) { return intoOnlyUse(cast.getOperand()); })
      .Case([&](arith::SelectOp select) { return throughSelect(select); })
      .Case<arith::MaximumFOp, arith::MaxNumFOp>([&](auto maximum) { return throughMaximum(maximum); })
      .Case([&](arith::ConstantOp) {
        return FoldPlan::refused("(E5) a constant of the body is one number for all channels");
      })
      .Default([&](Operation *other) {
        return FoldPlan::refused("(E2) '" + other->getName().getStringRef() + "' is not linear");
      });
}

/// Either arm of a choice that does not look at them, or ReLU as torch-mlir writes it:
/// `select(x > 0, x, 0)`. Scales are positive, so relu(x / s) = relu(x) / s.
FoldPlan PayloadWalk::throughSelect(arith::SelectOp select) {
  Value x = select.getTrueValue();
  auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
  bool keepsSign = compare && compare.getLhs() == x && isZeroScalar(compare.getRhs()) &&
                   isZeroScalar(select.getFalseValue()) && compare->hasOneUse();
  if (!keepsSign)
    return FoldPlan::both(intoOnlyUse(x), intoOnlyUse(select.getFalseValue()));
  for (Operation *user : x.getUsers())
    if (user != select && user != compare)
      return FoldPlan::refused("(E3) another part of the same '" + op->getName().getStringRef() + "' reads it too");
  return intoScalar(x);
}

FoldPlan PayloadWalk::throughMaximum(Operation *maximum) {
  for (int side : {0, 1})
    if (isZeroScalar(maximum->getOperand(1 - side)))
      return intoOnlyUse(maximum->getOperand(side));
  return FoldPlan::refused("(E2) a maximum is not linear");
}

FoldPlan PayloadWalk::intoArgument(BlockArgument argument) {
  if (argument.getOwner() != op.getBlock())
    return FoldPlan::refused("(E2) the body reads a scalar from outside");
  OpOperand *operand = op.getMatchingOpOperand(argument);
  AffineMap indexing = op.getMatchingIndexingMap(operand);
  // A loop that is part of a sum (the window of a convolution) tells nothing apart: its iterations read one element.
  ChannelMap map = loops.renameDims([&](int64_t loop) -> std::optional<int64_t> {
    if (auto dim = indexing.getResultPosition(getAffineDimExpr(loop, op.getContext())))
      return *dim;
    return std::nullopt;
  });
  return intoOperand(*operand, map).reachedThrough(map.numClasses());
}

/// `yielded` is a sum of which `accumulator` is a part: each step of the reduction adds what it reads. A product would
/// take the scale once a step.
static bool addsTo(Value accumulator, Value yielded) {
  if (yielded == accumulator)
    return true;
  Operation *definition = yielded.getDefiningOp();
  if (!definition) // what is read, not the sum
    return false;
  return TypeSwitch<Operation *, bool>(definition)
      .Case([&](arith::AddFOp sum) { return addsTo(accumulator, sum.getLhs()) || addsTo(accumulator, sum.getRhs()); })
      .Case([&](arith::SubFOp sum) { return addsTo(accumulator, sum.getLhs()); })
      .Case([&](math::FmaOp fma) { return addsTo(accumulator, fma.getC()); })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto cast) { return addsTo(accumulator, cast.getIn()); })
      .Default(false);
}

FoldPlan fptq::planThroughPayload(linalg::LinalgOp op, OpResult result, const ChannelMap &map,
                                  function_ref<FoldPlan(OpOperand &, const ChannelMap &)> intoOperand) {
  AffineMap indexing = op.getIndexingMapMatchingResult(result);
  if (!indexing.isProjectedPermutation(/*allowZeroInResults=*/true))
    return FoldPlan::refused("(E2) the result is not indexed by loops alone");
  bool alongLoops = true;
  ChannelMap loops = map.renameDims([&](int64_t dim) -> std::optional<int64_t> {
    auto loop = dyn_cast<AffineDimExpr>(indexing.getResult(dim));
    alongLoops &= bool(loop);
    return loop ? loop.getPosition() : 0;
  });
  if (!alongLoops)
    return FoldPlan::refused("(E2) channels of the result lie along no loop");
  Value yielded = op.getBlock()->getTerminator()->getOperand(result.getResultNumber());
  Value accumulator = op.getMatchingBlockArgument(op.getDpsInitOperand(result.getResultNumber()));
  if (op.getNumReductionLoops() && !addsTo(accumulator, yielded))
    return FoldPlan::refused("(E2) a reduction that is no sum");
  return PayloadWalk(op, std::move(loops), intoOperand).intoScalar(yielded);
}
