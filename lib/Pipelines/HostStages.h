//===- HostStages.h - the model around the kernels of a target --*- C++ -*-===//
#ifndef FPTQ_LIB_PIPELINES_HOSTSTAGES_H
#define FPTQ_LIB_PIPELINES_HOSTSTAGES_H

#include "fptq/Pipelines/Pipelines.h"

namespace mlir::fptq {

/// What a target adds to the model's own stages.
struct HostTarget {
  StringRef layout; ///< of packed weights
  /// Brings rows and their quantization together, while both are tensors.
  function_ref<void(OpPassManager &)> fuseRows;
  /// Takes the packed operations on memrefs away.
  function_ref<void(OpPassManager &)> addKernels;
};

/// Every elementwise op and reduction as linalg, its float ops free to become fma.
void addLinalgStages(OpPassManager &pm);
/// Elementwise producers into their only readers.
void addElementwiseFusion(OpPassManager &pm);

/// Tensors to the LLVM dialect, for the host.
void buildHostPipeline(OpPassManager &pm, const HostPipelineOptions &options, const HostTarget &target);

void registerNVPTXPipelines();

} // namespace mlir::fptq

#endif // FPTQ_LIB_PIPELINES_HOSTSTAGES_H
