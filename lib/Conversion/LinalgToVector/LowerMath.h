//===- LowerMath.h - one arithmetic for every target ------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_LINALGTOVECTOR_LOWERMATH_H
#define FPTQ_LIB_CONVERSION_LINALGTOVECTOR_LOWERMATH_H

#include "mlir/IR/PatternMatch.h"

namespace mlir::fptq {

/// What `fptq-lower-math` does, below `root`.
LogicalResult lowerMath(Operation *root);

/// Integer powers, of floats and of integers, but for those by constants from -8 to 8.
void populateExpandPowersPatterns(RewritePatternSet &patterns);

} // namespace mlir::fptq

#endif // FPTQ_LIB_CONVERSION_LINALGTOVECTOR_LOWERMATH_H
