//===- Team.h - iterations shared among threads ------------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_TEAM_H
#define FPTQ_SUPPORT_TEAM_H

#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::fptq {

/// An OpenMP team over [0, count) in pieces of `chunk` (i64), which threads take from a common counter as they come
/// free; `piece` writes the code of [first, last). `b` stands in a function; its number of threads changes who runs a
/// piece, never what it computes.
omp::ParallelOp buildTeam(ImplicitLocOpBuilder &b, Value count, Value chunk,
                          function_ref<void(Value first, Value last)> piece);

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_TEAM_H
