//===- ComputedWeight.h - weights made of nothing but constants --*- C++ -*-===//
#ifndef FPTQ_RAISE_COMPUTEDWEIGHT_H
#define FPTQ_RAISE_COMPUTEDWEIGHT_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::fptq {

/// A weight and, in order, all that it takes to compute it.
struct ComputedWeight {
  Value value;
  SetVector<Operation *> ops;
};

/// The weight of a product with an activation, if it is to be computed; no operations if it is not.
ComputedWeight matchComputedWeight(linalg::LinalgOp op);

/// True if no argument has a part in `value`, whether it is to be computed or not.
bool isComputedFromConstants(Value value);

/// A constant itself, of whatever kind: what a computation starts from.
bool isConstantRoot(Operation *op);

/// Computed weights are called like the largest constant in them that has a name: the direction of weight_norm, what a
/// LoRA is added to. Empty if none has.
StringRef nameOf(const ComputedWeight &weight);

/// The same of any value that constants have a part in.
StringRef nameOfConstantIn(Value value);

} // namespace mlir::fptq

#endif // FPTQ_RAISE_COMPUTEDWEIGHT_H
