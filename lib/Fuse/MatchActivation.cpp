//===- MatchActivation.cpp - SiLU, GELU and gated linear units ------------===//
#include "MatchActivation.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>

using namespace mlir;
using namespace mlir::fptq;

/// Coefficients come rounded to f32, some from five decimals (sqrt(2 / pi) as 0.79788).
static bool close(double a, double b) { return std::fabs(a - b) <= 2e-5 * std::max(std::fabs(b), 1e-30); }

static bool isPolynomial(ElementwiseExpression &e, Value v, Value x, ArrayRef<double> expected) {
  auto got = e.polynomial(v, x);
  return got && llvm::all_of(llvm::zip_equal(*got, expected),
                             [](auto pair) { return close(std::get<0>(pair), std::get<1>(pair)); });
}

/// `v` = c + c * w: c and w, resolved.
static std::optional<std::pair<double, Value>> onePlus(ElementwiseExpression &e, Value v) {
  auto add = e.as<arith::AddFOp>(v);
  if (!add)
    return std::nullopt;
  for (auto [one, other] : {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())}) {
    std::optional<double> c = e.constant(one);
    Product p = c ? e.product(other) : Product();
    if (c && p.denominator.empty() && p.numerator.size() == 1 && close(p.coefficient, *c))
      return std::pair(*c, p.numerator[0]);
  }
  return std::nullopt;
}

/// `factor` is c * (1 + exp(-x)); c.
static std::optional<double> sigmoidDenominator(ElementwiseExpression &e, Value factor, Value x) {
  auto sum = onePlus(e, factor);
  auto exp = sum ? e.as<math::ExpOp>(sum->second) : math::ExpOp();
  if (!exp || !isPolynomial(e, exp.getOperand(), x, {0, -1, 0, 0}))
    return std::nullopt;
  return sum->first;
}

/// `factor` is 2 c times what GELU multiplies x by; c and which GELU.
static std::optional<std::pair<double, ActivationFunction>> geluFactor(ElementwiseExpression &e, Value factor,
                                                                       Value x) {
  const double invSqrt2 = 0.70710678118654752440, sqrt2OverPi = 0.79788456080286535588;
  if (auto erfc = e.as<math::ErfcOp>(factor))
    if (isPolynomial(e, erfc.getOperand(), x, {0, -invSqrt2, 0, 0}))
      return std::pair(1.0, ActivationFunction::Gelu);
  auto sum = onePlus(e, factor);
  if (!sum)
    return std::nullopt;
  if (auto erf = e.as<math::ErfOp>(sum->second))
    if (isPolynomial(e, erf.getOperand(), x, {0, invSqrt2, 0, 0}))
      return std::pair(sum->first, ActivationFunction::Gelu);
  if (auto tanh = e.as<math::TanhOp>(sum->second))
    if (isPolynomial(e, tanh.getOperand(), x, {0, sqrt2OverPi, 0, 0.044715 * sqrt2OverPi}))
      return std::pair(sum->first, ActivationFunction::GeluTanh);
  return std::nullopt;
}

/// Takes x and the factors of its activation out of `product`.
static std::optional<ActivationFunction> takeActivation(ElementwiseExpression &e, Product &product, Value x) {
  auto without = [&](SmallVector<Value> &factors, Value v) { factors.erase(llvm::find(factors, v)); };
  for (Value factor : product.denominator)
    if (auto c = sigmoidDenominator(e, factor, x)) {
      product.coefficient /= *c;
      without(product.denominator, factor);
      without(product.numerator, x);
      return ActivationFunction::Silu;
    }
  for (Value factor : product.numerator)
    if (auto gelu = geluFactor(e, factor, x)) {
      product.coefficient *= 2 * gelu->first;
      without(product.numerator, factor);
      without(product.numerator, x);
      return gelu->second;
    }
  return std::nullopt;
}

/// Nothing but operations that end in `op` depends on `x`, and `multiplicand` does not.
static bool endsIn(Operation *op, Value x, Value multiplicand, const ElementwiseExpression &e) {
  SmallVector<Value> values{x};
  for (size_t i = 0; i < values.size(); ++i)
    for (Operation *user : values[i].getUsers()) {
      if (user == op)
        continue;
      if (!e.operations().contains(user) || user->getResult(0) == multiplicand)
        return false;
      values.push_back(user->getResult(0));
    }
  return x != multiplicand;
}

/// x, what it is multiplied and divided by for its activation, and the multiplicand, some of them twice.
static constexpr size_t kMostFactors = 8;

std::optional<ActivatedProduct> mlir::fptq::matchActivation(Operation *op) {
  if (!isElementwise(op))
    return std::nullopt;
  ElementwiseExpression e;
  Product product = e.product(op->getResult(0));
  if (product.numerator.size() + product.denominator.size() > kMostFactors)
    return std::nullopt;
  auto isTensor = [&](Value v) { return v.getType() == op->getResult(0).getType(); };
  for (Value x : SmallVector<Value>(product.numerator)) {
    std::optional<ActivationFunction> function = isTensor(x) ? takeActivation(e, product, x) : std::nullopt;
    if (!function)
      continue;
    if (!close(product.coefficient, 1) || !product.denominator.empty() || product.numerator.size() > 1)
      return std::nullopt;
    Value multiplicand = product.numerator.empty() ? Value() : product.numerator.front();
    if ((multiplicand && !isTensor(multiplicand)) || !endsIn(op, x, multiplicand, e))
      return std::nullopt;
    return ActivatedProduct{x, multiplicand, *function};
  }
  return std::nullopt;
}
