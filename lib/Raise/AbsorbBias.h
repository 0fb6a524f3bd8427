//===- AbsorbBias.h - the bias added to a linear -----------------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_ABSORBBIAS_H
#define FPTQ_LIB_RAISE_ABSORBBIAS_H

#include "fptq/IR/Fptq.h"

namespace mlir::fptq {

/// `value`, indexed through `map`, as a constant vector of `n` elements along the loop `column` only; null where it is
/// none. What it has to be reshaped with is created at `b`.
Value vectorAlong(OpBuilder &b, Location loc, Value value, AffineMap map, unsigned column, int64_t n);

/// Takes a constant added to every row of `op`'s result, directly or after an expand_shape that
/// leaves the columns alone or a transposition, into its `bias`. Only an add in the linear's own element type: one
/// after a truncation rounds twice and stays.
void absorbBias(IRRewriter &rewriter, LinearOp op);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_ABSORBBIAS_H
