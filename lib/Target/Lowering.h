//===- Lowering.h - what JIT and object files share --------------*- C++ -*-===//
#ifndef FPTQ_LIB_TARGET_LOWERING_H
#define FPTQ_LIB_TARGET_LOWERING_H

#include "fptq/Target/Executable.h"

namespace mlir::fptq {

/// Lowers `module` in place to the LLVM dialect, with a C wrapper for each public function; returns
/// those functions as their author declared them. With a GPU's tier the kernels stay behind in a gpu.module.
FailureOr<std::vector<EntryPoint>> lowerToLLVM(ModuleOp module, StringRef tier, bool threads, int64_t slices = 0);

} // namespace mlir::fptq

#endif // FPTQ_LIB_TARGET_LOWERING_H
