//===- ActivationQuantization.h - quantize-dequantize of an input -*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_ACTIVATIONQUANTIZATION_H
#define FPTQ_LIB_RAISE_ACTIVATIONQUANTIZATION_H

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::fptq {

/// `scale * (clamp(round(x / scale) + zero, low, high) - zero)`, one scale for the whole tensor.
struct ActivationQuantization {
  Value x;
  double scale = 0, zero = 0, low = 0, high = 0;

  bool isInt8() const { return high - low == 255 || (zero == 0 && low == -127 && high == 127); }
  bool isSymmetric() const { return zero == 0 && high == 127; }
  /// The largest magnitude that is not clamped.
  double absmax() const { return scale * (isSymmetric() ? 127 : std::max(high - zero, zero - low)); }
};

/// `value` as a model trained or exported with quantized activations spells it: divided or multiplied by the inverse,
/// rounded half to even, clamped as floats or integers, in one op or in many.
std::optional<ActivationQuantization> matchActivationQuantization(Value value);

/// The value that `x` would be without the quantization somewhere below it, through reshapes and transpositions, which
/// are repeated; null where there is none.
Value withoutQuantization(OpBuilder &b, Value x, ActivationQuantization &found);

/// The same as arithmetic in place of dcast(qcast(x)), which stock passes fold away or truncate. Fails for a type that
/// has more than one scale.
FailureOr<Value> emitActivationQuantization(OpBuilder &b, quant::DequantizeCastOp op);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_ACTIVATIONQUANTIZATION_H
