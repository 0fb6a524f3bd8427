//===- EmitLinear.h - a match as fptq.linear ---------------------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_EMITLINEAR_H
#define FPTQ_LIB_RAISE_EMITLINEAR_H

#include "MatchLinear.h"
#include "fptq/IR/Fptq.h"

namespace mlir::fptq {

/// Replaces `op`; returns the linear, whose result is what `op` computed, reshaped where it must be.
LinearOp emitLinear(IRRewriter &rewriter, linalg::LinalgOp op, const LinearMatch &match, StringRef layer);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_EMITLINEAR_H
