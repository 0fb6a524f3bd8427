//===- ScalarTensors.h - tensors of rank 0 as numbers ------------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_SCALARTENSORS_H
#define FPTQ_LIB_RAISE_SCALARTENSORS_H

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::fptq {

/// Takes generics without loops in `region`, all of whose elements are of `wanted` types, apart into what their bodies
/// do with numbers. StableHLO has no numbers: its loop counters and comparisons are such tensors.
void scalarizeTensors(RewriterBase &rewriter, Region &region, function_ref<bool(Type)> wanted);

/// The same loop, where integers that it carries as tensors of rank 0 are numbers: what upstream's passes on loops
/// understand.
scf::WhileOp carryNumbers(RewriterBase &rewriter, scf::WhileOp loop);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_SCALARTENSORS_H
