//===- ElementwiseExpression.cpp - what an element is computed by ---------===//
#include "ElementwiseExpression.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::fptq;

bool mlir::fptq::isElementwise(Operation *op) {
  if (op->getNumResults() != 1)
    return false;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !type.getElementType().isF32())
    return false;
  auto linalg = dyn_cast<linalg::LinalgOp>(op);
  if (!linalg)
    return OpTrait::hasElementwiseMappableTraits(op);
  return linalg.hasPureTensorSemantics() && !linalg.getNumReductionLoops() && !isa<linalg::FillOp>(op) &&
         linalg.getMatchingIndexingMap(linalg.getDpsInitOperand(0)).isIdentity();
}

Value ElementwiseExpression::resolve(Value v) {
  for (;;) {
    if (auto argument = dyn_cast<BlockArgument>(v)) {
      auto op = dyn_cast_if_present<linalg::LinalgOp>(argument.getOwner()->getParentOp());
      if (!op || argument.getOwner() != op.getBlock())
        return v;
      OpOperand *operand = op.getMatchingOpOperand(argument);
      if (!op.getMatchingIndexingMap(operand).isIdentity())
        return v;
      v = operand->get();
      continue;
    }
    Operation *op = v.getDefiningOp();
    if (!isElementwise(op))
      return v;
    visited.insert(op);
    auto linalg = dyn_cast<linalg::LinalgOp>(op);
    if (!linalg)
      return v;
    v = linalg.getBlock()->getTerminator()->getOperand(0);
  }
}

std::optional<double> ElementwiseExpression::constant(Value v) {
  v = resolve(v);
  if (auto argument = dyn_cast<BlockArgument>(v)) // broadcast
    if (auto op = dyn_cast_if_present<linalg::LinalgOp>(argument.getOwner()->getParentOp()))
      v = op.getMatchingOpOperand(argument)->get();
  if (auto fill = v.getDefiningOp<linalg::FillOp>())
    v = fill.getInputs()[0];
  APFloat value(0.0f);
  if (matchPattern(v, m_ConstantFloat(&value)))
    return value.convertToDouble();
  return std::nullopt;
}

void ElementwiseExpression::multiply(Value v, bool inverse, Product &into) {
  if (std::optional<double> c = constant(v)) {
    into.coefficient = inverse ? into.coefficient / *c : into.coefficient * *c;
  } else if (!maySplit()) {
    (inverse ? into.denominator : into.numerator).push_back(resolve(v));
  } else if (auto mul = as<arith::MulFOp>(v)) {
    multiply(mul.getLhs(), inverse, into);
    multiply(mul.getRhs(), inverse, into);
  } else if (auto div = as<arith::DivFOp>(v)) {
    multiply(div.getLhs(), inverse, into);
    multiply(div.getRhs(), !inverse, into);
  } else if (auto neg = as<arith::NegFOp>(v)) {
    into.coefficient = -into.coefficient;
    multiply(neg.getOperand(), inverse, into);
  } else {
    (inverse ? into.denominator : into.numerator).push_back(resolve(v));
  }
}

Product ElementwiseExpression::product(Value v) {
  Product result;
  multiply(v, /*inverse=*/false, result);
  return result;
}

using Polynomial = SmallVector<double, 4>;

static std::optional<Polynomial> times(const Polynomial &a, const Polynomial &b) {
  Polynomial result(4, 0.0);
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 4; ++j) {
      double c = a[i] * b[j];
      if (i + j < 4)
        result[i + j] += c;
      else if (c != 0)
        return std::nullopt;
    }
  return result;
}

static Polynomial plus(const Polynomial &a, const Polynomial &b, double factor) {
  Polynomial result = a;
  for (size_t i = 0; i < 4; ++i)
    result[i] += factor * b[i];
  return result;
}

std::optional<Polynomial> ElementwiseExpression::polynomial(Value v, Value x) {
  v = resolve(v);
  if (v == x)
    return Polynomial{0, 1, 0, 0};
  if (std::optional<double> c = constant(v))
    return Polynomial{*c, 0, 0, 0};
  Operation *op = v.getDefiningOp();
  if (!maySplit() || !isa_and_nonnull<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::NegFOp,
                                      math::PowFOp, math::FPowIOp>(op))
    return std::nullopt;
  std::optional<Polynomial> left = polynomial(op->getOperand(0), x);
  if (!left)
    return std::nullopt;
  if (isa<arith::NegFOp>(op))
    return plus({0, 0, 0, 0}, *left, -1);
  if (isa<math::PowFOp, math::FPowIOp>(op)) {
    APInt integer(32, 0);
    std::optional<double> power = isa<math::PowFOp>(op) ? constant(op->getOperand(1)) : std::nullopt;
    if (!power && matchPattern(op->getOperand(1), m_ConstantInt(&integer)))
      power = integer.getSExtValue();
    if (power == 2)
      return times(*left, *left);
    auto square = power == 3 ? times(*left, *left) : std::nullopt;
    return square ? times(*square, *left) : std::nullopt;
  }
  std::optional<Polynomial> right = polynomial(op->getOperand(1), x);
  if (!right)
    return std::nullopt;
  if (isa<arith::AddFOp, arith::SubFOp>(op))
    return plus(*left, *right, isa<arith::AddFOp>(op) ? 1 : -1);
  if (isa<arith::MulFOp>(op))
    return times(*left, *right);
  bool byConstant = (*right)[0] != 0 && !(*right)[1] && !(*right)[2] && !(*right)[3];
  return byConstant ? times(*left, {1 / (*right)[0], 0, 0, 0}) : std::nullopt;
}
