//===- ResourceSymbols.h - constants that stay outside LLVM IR ---*- C++ -*-===//
#ifndef FPTQ_LIB_TARGET_RESOURCESYMBOLS_H
#define FPTQ_LIB_TARGET_RESOURCESYMBOLS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

#include <memory>
#include <vector>

namespace mlir::fptq {

/// Addresses of constants whose initializers were taken out of a module.
struct ResourceSymbols {
  llvm::StringMap<const void *> addresses;
  std::vector<std::unique_ptr<char, void (*)(void *)>> copies; ///< of blobs that were not aligned
  std::vector<Attribute> attributes;                           ///< keep the blobs alive
};

/// Turns large `llvm.mlir.global`s with a resource initializer into external symbols: the JIT binds
/// them to the blob itself, so weights are never copied into LLVM IR (which takes five times their size).
ResourceSymbols externalizeResources(ModuleOp module);

} // namespace mlir::fptq

#endif // FPTQ_LIB_TARGET_RESOURCESYMBOLS_H
