//===- EmitLookup.h - a match as fptq.lookup ---------------------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_EMITLOOKUP_H
#define FPTQ_LIB_RAISE_EMITLOOKUP_H

#include "MatchLookup.h"

namespace mlir::fptq {

/// A generic with all loops of `op` but `match.along`, in order, that computes the index: its own dimensions are these
/// loops. Asserts in the body go with it.
Value emitIndex(OpBuilder &b, linalg::GenericOp op, const IndexMatch &match);

/// What became of a generic that reads rows.
struct EmittedLookup {
  LookupOp lookup;
  linalg::GenericOp rest; ///< what the body does with the rows; null where it does nothing
};

/// Replaces `op` by a generic that computes ids (with the model's own asserts or clamps), the lookup, and the rest.
EmittedLookup emitLookup(IRRewriter &rewriter, linalg::GenericOp op, const LookupMatch &match, StringRef layer);
LookupOp emitLookup(IRRewriter &rewriter, tensor::GatherOp op, StringRef layer);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_EMITLOOKUP_H
