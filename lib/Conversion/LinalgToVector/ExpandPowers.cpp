//===- ExpandPowers.cpp - integer powers by squaring ----------------------===//
//
// LLVM has integer powers of scalars only, and leaves them to __powisf2, which is not in every process. Upstream's
// patterns write out small constant ones, as the products that an fma may take in, and do not converge on larger ones;
// so these come first.
//
//===----------------------------------------------------------------------===//
#include "LowerMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::fptq;

/// Upstream's, in MathAlgebraicSimplification.
static constexpr int64_t kLargestProduct = 8;

static Value splat(ImplicitLocOpBuilder &b, Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr number = isa<FloatType>(element) ? TypedAttr(b.getFloatAttr(element, value))
                                             : TypedAttr(b.getIntegerAttr(element, (int64_t)value));
  if (auto vector = dyn_cast<VectorType>(type))
    number = DenseElementsAttr::get(vector, Attribute(number));
  return arith::ConstantOp::create(b, number);
}

static Value multiply(ImplicitLocOpBuilder &b, Value x, Value y) {
  if (isa<FloatType>(getElementTypeOrSelf(x)))
    return arith::MulFOp::create(b, x, y);
  return arith::MulIOp::create(b, x, y);
}

/// x^-n of x^n. An integer's is a fraction but for 1 and -1.
static Value invert(ImplicitLocOpBuilder &b, Value x, Value power, Value one) {
  if (isa<FloatType>(getElementTypeOrSelf(x)))
    return arith::DivFOp::create(b, one, power);
  using arith::CmpIPredicate;
  Value isOne = arith::CmpIOp::create(b, CmpIPredicate::eq, x, one),
        isMinusOne = arith::CmpIOp::create(b, CmpIPredicate::eq, x, splat(b, x.getType(), -1));
  Value isUnit = arith::OrIOp::create(b, isOne, isMinusOne);
  return arith::SelectOp::create(b, isUnit, power, splat(b, x.getType(), 0));
}

/// x^n, with the multiplications of __powisf2 in its order.
static Value bySquaring(ImplicitLocOpBuilder &b, Value x, Value n) {
  using arith::CmpIPredicate;
  Value base = x, one = splat(b, x.getType(), 1), zero = splat(b, n.getType(), 0), bit = splat(b, n.getType(), 1);
  Value isNegative = arith::CmpIOp::create(b, CmpIPredicate::slt, n, zero);
  Value left = arith::SelectOp::create(b, isNegative, arith::SubIOp::create(b, zero, n), n), power = one;
  for (unsigned i = 0, width = getElementTypeOrSelf(n).getIntOrFloatBitWidth(); i < width; ++i) {
    Value isOdd = arith::CmpIOp::create(b, CmpIPredicate::ne, arith::AndIOp::create(b, left, bit), zero);
    power = arith::SelectOp::create(b, isOdd, multiply(b, power, base), power);
    left = arith::ShRUIOp::create(b, left, bit);
    base = multiply(b, base, base);
  }
  return arith::SelectOp::create(b, isNegative, invert(b, x, power, one), power);
}

namespace {
template <typename PowerOp> struct ExpandPower : OpRewritePattern<PowerOp> {
  using OpRewritePattern<PowerOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(PowerOp op, PatternRewriter &rewriter) const override {
    APInt n;
    if (matchPattern(op.getRhs(), m_ConstantInt(&n)) && n.abs().ule(kLargestProduct))
      return rewriter.notifyMatchFailure(op, "is a small product");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, bySquaring(b, op.getLhs(), op.getRhs()));
    return success();
  }
};
} // namespace

void mlir::fptq::populateExpandPowersPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandPower<math::FPowIOp>, ExpandPower<math::IPowIOp>>(patterns.getContext());
}
