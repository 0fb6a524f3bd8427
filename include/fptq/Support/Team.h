//===- Team.h - iterations shared among threads ------------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_TEAM_H
#define FPTQ_SUPPORT_TEAM_H

#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::fptq {

/// An OpenMP team over [0, count), in pieces of whole `unit`s (i64). Every thread has an equal share, the same whenever
/// this runs, so that it finds what it touches in its own caches, and takes half of what is left of it at a time; one
/// that is through with its share takes from those of others, so that a busy core does not hold them up. `piece` writes
/// the code of [first, last). The number of threads changes who runs a piece, never what it computes. `b` stands in a
/// function; its module gets declarations of OpenMP's runtime, so the pass around must be the module's.
omp::ParallelOp buildTeam(ImplicitLocOpBuilder &b, Value count, Value unit,
                          function_ref<void(Value first, Value last)> piece);

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_TEAM_H
