//===- EmitLinear.h - a match as fptq.linear ---------------------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_EMITLINEAR_H
#define FPTQ_LIB_RAISE_EMITLINEAR_H

#include "LayerNames.h"
#include "MatchLinear.h"
#include "fptq/IR/Fptq.h"

namespace mlir::fptq {

/// `value` with its dimensions in the order `order`; itself where that is the identity.
Value permute(OpBuilder &b, Location loc, Value value, ArrayRef<int64_t> order);

/// Replaces `op`; returns the linear, whose result is what `op` computed, reshaped where it must be. It is called like
/// its weight.
LinearOp emitLinear(IRRewriter &rewriter, linalg::LinalgOp op, const LinearMatch &match, LayerNames &names);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_EMITLINEAR_H
