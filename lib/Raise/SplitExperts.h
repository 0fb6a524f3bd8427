//===- SplitExperts.h - a contraction for each expert ------------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_SPLITEXPERTS_H
#define FPTQ_LIB_RAISE_SPLITEXPERTS_H

#include "ExpertRouting.h"
#include "MatchExperts.h"

namespace mlir::fptq {

/// Replaces `op` by a contraction for each expert, with a slice of the stack as its weight: returns them, in order.
/// Where tokens pick experts each gets the rows of its own tokens, any number down to none: what is multiplied are the
/// picked pairs and no more, and an expert's profile tells of its own tokens. `routings` are shared by the projections
/// of one mixture.
SmallVector<linalg::LinalgOp> splitExperts(IRRewriter &rewriter, linalg::LinalgOp op, const ExpertsMatch &match,
                                           ExpertRoutings &routings);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_SPLITEXPERTS_H
