//===- AbsorbBias.h - the bias added to a linear -----------------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_ABSORBBIAS_H
#define FPTQ_LIB_RAISE_ABSORBBIAS_H

#include "fptq/IR/Fptq.h"

namespace mlir::fptq {

/// The constant below `value`, indexed through `map`, that holds `n` elements along the loop `column` only; null where
/// there is none.
Value constantAlong(Value value, AffineMap map, unsigned column, int64_t n);

/// `value`, all but one of whose dimensions are 1, as a vector.
Value asVector(OpBuilder &b, Location loc, Value value);

/// Takes a constant added to every row of `op`'s result, directly or after an expand_shape that
/// leaves the columns alone or a transposition, into its `bias`. Only an add in the linear's own element type: one
/// after a truncation rounds twice and stays.
void absorbBias(IRRewriter &rewriter, LinearOp op);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_ABSORBBIAS_H
