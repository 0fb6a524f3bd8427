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

/// True if `value` is computed from nothing but constants and what `isGiven`.
bool isComputedFrom(Value value, function_ref<bool(Value)> isGiven);

/// True if each of `trips` trips of a loop chooses, by its `counters`, another weight of `op` from a constant that
/// holds all of them. What `isGiven` counts as constants.
bool isWeightChosenBy(linalg::LinalgOp op, const llvm::DenseSet<Value> &counters, int64_t trips,
                      function_ref<bool(Value)> isGiven);

/// Inserts into `ops` what `value` is computed from, backwards, as long as `mayGoOn`; false if it may not. It is asked
/// of each value and of nothing twice.
bool walkBackwards(Value value, SetVector<Operation *> &ops, function_ref<bool(Value)> mayGoOn);

/// True if no argument and no state of the model has a part in `value`, whether it is to be computed or not.
bool isComputedFromConstants(Value value);

/// A constant itself, of whatever kind: what a computation starts from.
bool isConstantRoot(Operation *op);

/// Computed weights are called like the largest constant in them that has a name: the direction of weight_norm, what a
/// LoRA is added to, and its place where it is one of a stack. Empty if none has.
std::string nameOf(const ComputedWeight &weight);

/// The same of any value that constants have a part in.
std::string nameOfConstantIn(Value value);

} // namespace mlir::fptq

#endif // FPTQ_RAISE_COMPUTEDWEIGHT_H
