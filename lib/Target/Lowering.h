//===- Lowering.h - what JIT and object files share --------------*- C++ -*-===//
#ifndef FPTQ_LIB_TARGET_LOWERING_H
#define FPTQ_LIB_TARGET_LOWERING_H

#include "fptq/Target/Executable.h"

namespace mlir::fptq {

struct LoweringOptions {
  std::string tier;
  bool threads = true;
  int64_t slices = 0;       ///< of a GPU's small products; 0: chosen by shape
  int64_t accumulators = 0; ///< floats in registers, of the processor the code is for; 0: of this machine
};

/// Lowers `module` in place to the LLVM dialect, with a C wrapper for each public function; returns
/// those functions as their author declared them. With a GPU's tier the kernels stay behind in a gpu.module.
FailureOr<std::vector<EntryPoint>> lowerToLLVM(ModuleOp module, const LoweringOptions &options);

} // namespace mlir::fptq

#endif // FPTQ_LIB_TARGET_LOWERING_H
