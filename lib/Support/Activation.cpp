//===- Activation.cpp - SiLU and GELU as plain operations -----------------===//
#include "fptq/Support/Activation.h"
#include "fptq-runtime/Activation.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace {
/// Operations on values of one type, each rounded once. Functions are those of lib/Runtime/ReferenceActivation.c.
struct Arithmetic {
  ImplicitLocOpBuilder &b;
  Type type, ints;

  Arithmetic(ImplicitLocOpBuilder &b, Type type) : b(b), type(type), ints(b.getI32Type()) {
    if (auto vector = dyn_cast<VectorType>(type))
      ints = vector.clone(b.getI32Type());
  }
  Value constant(TypedAttr value, Type of) {
    if (auto vector = dyn_cast<VectorType>(of))
      return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, Attribute(value)));
    return arith::ConstantOp::create(b, value);
  }
  Value real(float value) { return constant(b.getF32FloatAttr(value), type); }
  Value integer(int32_t value) { return constant(b.getI32IntegerAttr(value), ints); }
  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, x, y); }
  Value fma(Value x, Value y, Value z) { return math::FmaOp::create(b, x, y, z); }
  Value abs(Value x) { return math::AbsFOp::create(b, x); }
  Value neg(Value x) { return arith::NegFOp::create(b, x); }
  /// `then` where x > y, `otherwise` elsewhere and for NaN.
  Value ifGreater(Value x, Value y, Value then, Value otherwise) {
    Value greater = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, y);
    return arith::SelectOp::create(b, greater, then, otherwise);
  }

  Value horner(ArrayRef<float> coefficients, Value x) {
    Value sum = real(coefficients.front());
    for (float c : coefficients.drop_front())
      sum = fma(sum, x, real(c));
    return sum;
  }

  Value expNegative(Value t) {
    Value lowest = real(kFptqExpLowest), bounded = ifGreater(t, lowest, t, lowest), rounder = real(kFptqExpRounder);
    Value shifted = fma(bounded, real(kFptqExpLog2e), rounder), n = sub(shifted, rounder);
    Value r = fma(n, real(-kFptqExpLn2Low), fma(n, real(-kFptqExpLn2High), bounded));
    Value p = add(fma(horner(kFptqExpPolynomial, r), mul(r, r), r), real(1));
    Value bits = arith::ShLIOp::create(b, arith::BitcastOp::create(b, ints, shifted), integer(23));
    bits = arith::AddIOp::create(b, bits, integer(0x3f800000));
    Value power = arith::BitcastOp::create(b, type, bits);
    return ifGreater(t, lowest, mul(p, power), real(0));
  }

  Value timesSigmoid(Value x, Value v) {
    Value e = expNegative(neg(abs(v))), one = real(1);
    return div(mul(x, ifGreater(real(0), v, e, one)), add(one, e));
  }

  Value gelu(Value x) {
    Value largest = real(kFptqTailLargest), a = abs(x), half = real(-0.5f), one = real(1);
    a = ifGreater(largest, a, a, largest);
    Value square = mul(a, a), rest = fma(a, a, neg(square));
    Value e = expNegative(mul(square, half));
    e = fma(e, mul(rest, half), e);
    Value t = div(one, fma(real(kFptqTailPole), a, one));
    Value tail = mul(e, mul(t, horner(kFptqTailPolynomial, t)));
    return mul(x, ifGreater(real(0), x, tail, sub(one, tail)));
  }
};
} // namespace

Value mlir::fptq::emitActivation(ImplicitLocOpBuilder &b, FptqActivation activation, Value x) {
  Arithmetic a(b, x.getType());
  switch (activation) {
  case FPTQ_NO_ACTIVATION:
    return x;
  case FPTQ_SILU:
    return a.timesSigmoid(x, x);
  case FPTQ_GELU:
    return a.gelu(x);
  case FPTQ_GELU_TANH:
    return a.timesSigmoid(x, a.mul(x, a.fma(a.mul(x, x), a.real(kFptqGeluCubic), a.real(kFptqGeluLinear))));
  }
  llvm_unreachable("an FptqActivation");
}
