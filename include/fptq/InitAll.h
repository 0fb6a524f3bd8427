//===- InitAll.h - the only registration list --------------------*- C++ -*-===//
#ifndef FPTQ_INITALL_H
#define FPTQ_INITALL_H

namespace mlir {
class DialectRegistry;
namespace fptq {
/// The dialects of quant-fptq and their external models; for stacks that register upstream's themselves.
void registerDialects(DialectRegistry &registry);
/// The passes and pipelines of quant-fptq.
void registerPasses();
/// Upstream dialects with their extensions, and ours.
void registerAllDialects(DialectRegistry &registry);
/// All of them, and what models are written in (Raise/FrontendDialects.h); for contexts of our own.
void registerToolDialects(DialectRegistry &registry);
/// Upstream passes, and ours.
void registerAllPasses();
} // namespace fptq
} // namespace mlir

#endif // FPTQ_INITALL_H
