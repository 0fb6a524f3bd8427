//===- FrontendDialects.h - what models are written in ----------*- C++ -*-===//
#ifndef FPTQ_RAISE_FRONTENDDIALECTS_H
#define FPTQ_RAISE_FRONTENDDIALECTS_H

#include "mlir/IR/OpImplementation.h"

namespace mlir {
class DialectRegistry;
}

namespace mlir::fptq {

/// For tools that read models: `tm_tensor`, what is read of `stablehlo` and `chlo`, and for each dialect that is no
/// input a stand-in whose parser says so. Not for a context of somebody else, who may have the real ones: a name is
/// registered once.
void registerFrontendDialects(DialectRegistry &registry);

/// How to bring an operation ("dialect.name") of another project to linalg on tensors; empty for dialects that are none
/// of those.
StringRef adviceForOperation(StringRef name);

/// A parser of such an operation, which says so.
ParseResult refuseOperation(OpAsmParser &parser, OperationState &state);

} // namespace mlir::fptq

#endif // FPTQ_RAISE_FRONTENDDIALECTS_H
