//===- ProductFactors.h - what a contraction multiplies ----------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_PRODUCTFACTORS_H
#define FPTQ_LIB_RAISE_PRODUCTFACTORS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallBitVector.h"

namespace mlir::fptq {

/// A part of a product: a scalar value of the contraction's body, and what it is made of.
struct Factor {
  Value value;
  bool isDivisor = false;
  bool isConstant = true;          ///< no argument of the function has a part in it
  SetVector<BlockArgument> inputs; ///< elements that it reads
  llvm::SmallBitVector loops;      ///< of more than one iteration, along which it differs
};

/// sum + weight * activation, or sum - weight * activation: each a product of factors.
struct ProductSum {
  SmallVector<Factor> weight, activation;
  bool isNegative = false;
};

/// What result `number` of `op` adds up, if that is a product with a weight: constants that differ along loops that are
/// summed over and along loops that the activation does not have. Where all of it is such a product but for a factor
/// that belongs to neither side, `stuck` is the weight.
std::optional<ProductSum> readProduct(linalg::LinalgOp op, unsigned number, Value *stuck = nullptr);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_PRODUCTFACTORS_H
