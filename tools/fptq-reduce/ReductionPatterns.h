//===- ReductionPatterns.h - how fptq ops shrink -----------------*- C++ -*-===//
#ifndef FPTQ_REDUCE_REDUCTIONPATTERNS_H
#define FPTQ_REDUCE_REDUCTIONPATTERNS_H

namespace mlir {
class DialectRegistry;
namespace fptq {
/// Patterns that `fptq-reduce` tries on ops of the dialect, beside upstream's removal of whole ops.
void registerReductionPatterns(DialectRegistry &registry);
} // namespace fptq
} // namespace mlir

#endif // FPTQ_REDUCE_REDUCTIONPATTERNS_H
