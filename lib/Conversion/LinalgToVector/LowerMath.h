//===- LowerMath.h - one arithmetic for every target ------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_LINALGTOVECTOR_LOWERMATH_H
#define FPTQ_LIB_CONVERSION_LINALGTOVECTOR_LOWERMATH_H

#include "mlir/IR/Operation.h"

namespace mlir::fptq {

/// What `fptq-lower-math` does, below `root`.
LogicalResult lowerMath(Operation *root);

} // namespace mlir::fptq

#endif // FPTQ_LIB_CONVERSION_LINALGTOVECTOR_LOWERMATH_H
