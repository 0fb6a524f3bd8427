//===- IntegerConstants.h - operands of a dequantization as numbers -*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_INTEGERCONSTANTS_H
#define FPTQ_LIB_RAISE_INTEGERCONSTANTS_H

#include "DequantizeMatch.h"

namespace mlir::fptq {

/// All elements of `operand`, in its own order. An error is emitted and names `weight`.
///
/// Integers of 4 bits in a resource are one a byte, or two (the first in the low nibble): its size says which.
FailureOr<std::vector<double>> constantNumbers(const IndexedConstant &operand, const ParameterFiles &files,
                                               StringRef weight);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_INTEGERCONSTANTS_H
