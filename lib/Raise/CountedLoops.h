//===- CountedLoops.h - while loops that count -------------------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_COUNTEDLOOPS_H
#define FPTQ_LIB_RAISE_COUNTEDLOOPS_H

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::fptq {

/// A `scf.for` in place of a loop whose condition depends on nothing but integers that start from constants and are
/// computed from one another; null, and the loop is left alone, where it does not, or goes round more than 65536 times.
scf::ForOp countTrips(RewriterBase &rewriter, scf::WhileOp loop);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_COUNTEDLOOPS_H
