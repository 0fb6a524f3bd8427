//===- MatchExperts.h - a contraction with one of several weights -*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_MATCHEXPERTS_H
#define FPTQ_LIB_RAISE_MATCHEXPERTS_H

#include "MatchLookup.h"

namespace mlir::fptq {

/// y[p.., r.., n..] += x[p.., r.., k..] * stack[expert(p..), n.., k..], each in its own order of dimensions: the weight
/// is one of a constant stack, another one along the loops p.
struct ExpertsMatch {
  Value x, stack;
  AffineMap xMap, stackMap, resultMap; ///< the stack's holds constants where it is read at one place of a dimension
  unsigned expertDim = 0;              ///< the stack's dimension that tells weights apart
  SmallVector<unsigned> picks;         ///< the loops p
  SmallVector<unsigned> rows, columns, reductions; ///< the other loops, less those of extent 1
  linalg::GenericOp gather;                        ///< what looks weights up; null where expert(p) = p
  tensor::ExtractOp extract;                       ///< in its body
  IndexMatch expert;                               ///< in its body, the same along all loops but the picks

  int64_t numExperts() const { return cast<RankedTensorType>(stack.getType()).getDimSize(expertDim); }
};

/// A match, or the reason why a stack of constant weights is none; the reason is empty where `op` has no such stack.
FailureOr<ExpertsMatch> matchExperts(linalg::LinalgOp op, StringRef &reason);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_MATCHEXPERTS_H
