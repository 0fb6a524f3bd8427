//===- GlobalString.h - C strings of a module -------------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_GLOBALSTRING_H
#define FPTQ_SUPPORT_GLOBALSTRING_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::fptq {

/// The address of `text`, which ends with a zero: a private constant of `module`, one for equal texts.
/// LLVM::createGlobalString makes a global for every call and ends none of them.
Value globalString(OpBuilder &b, Location loc, ModuleOp module, StringRef text);

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_GLOBALSTRING_H
