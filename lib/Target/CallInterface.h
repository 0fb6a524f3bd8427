//===- CallInterface.h - tensors to memref descriptors and back --*- C++ -*-===//
#ifndef FPTQ_LIB_TARGET_CALLINTERFACE_H
#define FPTQ_LIB_TARGET_CALLINTERFACE_H

#include "fptq/Target/Executable.h"

namespace mlir::fptq {

/// Checks the number, ranks and static sizes of `arguments` against `entry`.
llvm::Error checkArguments(const EntryPoint &entry, ArrayRef<TensorRef> arguments);

/// Calls the packed C wrapper `function` (void **) of `entry`.
std::vector<CallResult> callPacked(void (*function)(void **), const EntryPoint &entry, ArrayRef<TensorRef> arguments);

} // namespace mlir::fptq

#endif // FPTQ_LIB_TARGET_CALLINTERFACE_H
