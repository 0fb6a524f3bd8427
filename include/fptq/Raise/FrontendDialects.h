//===- FrontendDialects.h - what models are written in ----------*- C++ -*-===//
#ifndef FPTQ_RAISE_FRONTENDDIALECTS_H
#define FPTQ_RAISE_FRONTENDDIALECTS_H

#include "mlir/Support/LLVM.h"

namespace mlir {
class DialectRegistry;
namespace fptq {

/// For tools that read models: `tm_tensor`, and for each dialect that is no input a stand-in whose parser says so.
/// Not for a context of somebody else, who may have the real ones: a name is registered once.
void registerFrontendDialects(DialectRegistry &registry);

/// How to bring a dialect of another project to linalg on tensors; empty for dialects that are none of those.
StringRef adviceForDialect(StringRef name);

} // namespace fptq
} // namespace mlir

#endif // FPTQ_RAISE_FRONTENDDIALECTS_H
