//===- InitAll.h - the only registration list --------------------*- C++ -*-===//
#ifndef FPTQ_INITALL_H
#define FPTQ_INITALL_H

namespace mlir {
class DialectRegistry;
namespace fptq {
/// Upstream dialects with their extensions, fptq, and the external models of its interfaces.
void registerAllDialects(DialectRegistry &registry);
/// Upstream passes, ours, and the pipelines.
void registerAllPasses();
} // namespace fptq
} // namespace mlir

#endif // FPTQ_INITALL_H
