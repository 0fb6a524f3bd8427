//===- DequantizeMatch.h - does this value dequantize a constant? -*- C++ -*-===//
//
// Frontends spell a quantized weight as arithmetic: integers to floats, less a zero point, times a scale, in one
// generic or in several, with groups made by reshapes or by affine maps; or with upstream's `!quant` types. All are
//
//   value[i, j] = scale[..] * (codes[..] - zero[..])
//
// with each operand indexed by an affine map of i and j. That form is what is looked for, not any spelling.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_RAISE_DEQUANTIZEMATCH_H
#define FPTQ_LIB_RAISE_DEQUANTIZEMATCH_H

#include "fptq/Support/Parameters.h"
#include "mlir/IR/AffineMap.h"

#include <deque>

namespace mlir::fptq {

/// A constant as a function of the indices of the value that is read.
struct IndexedConstant {
  Value constant;            ///< a root (dense, dense_resource, external global) or a scalar constant; or null:
  std::vector<double> given; ///< numbers that stand in a `!quant` type
  Value quantized;           ///< of these floats, codes of `quantizedType` (a quant.qcast of a constant); or null
  Type quantizedType;
  AffineMap map;              ///< the value's dimensions to the constant's
  SmallVector<int64_t> shape; ///< the constant's
  bool isUnsigned = false;
  unsigned fitsBits = 64; ///< integers are truncated to this width, which has to lose nothing
};

struct Dequantization {
  IndexedConstant codes, scale;
  std::optional<IndexedConstant> zero;
  unsigned differenceBits = 64; ///< width of the integers that the zero point is subtracted in
};

/// How `value`, a tensor of floats, is dequantized from constants.
FailureOr<Dequantization> matchDequantization(Value value);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_DEQUANTIZEMATCH_H
