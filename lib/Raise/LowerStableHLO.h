//===- LowerStableHLO.h - leftovers of StableHLO to scf ----------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_LOWERSTABLEHLO_H
#define FPTQ_LIB_RAISE_LOWERSTABLEHLO_H

#include "TensorLoops.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::fptq {

/// An operation that `lowerStableHLO` takes away: of `stablehlo` or `chlo`, or a cast from or to an unsigned type.
bool isLeftOfStableHLO(Operation *op);

/// Control flow, sorts, scatters and functions that lowering StableHLO to linalg leaves, as `scf`, loops of scalars,
/// and `arith` and `math` on tensors.
void lowerStableHLO(ModuleOp module);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_LOWERSTABLEHLO_H
