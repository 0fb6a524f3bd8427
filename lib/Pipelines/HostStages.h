//===- HostStages.h - the model around the kernels of a target --*- C++ -*-===//
#ifndef FPTQ_LIB_PIPELINES_HOSTSTAGES_H
#define FPTQ_LIB_PIPELINES_HOSTSTAGES_H

#include "fptq/Pipelines/Pipelines.h"

namespace mlir::fptq {

/// Tensors to the LLVM dialect, for the host: weights packed in `layout`; `addKernels` adds the passes that take
/// `fptq.packed_matmul` and `fptq.quantize_activations` on memrefs away.
void buildHostPipeline(OpPassManager &pm, const X86PipelineOptions &options, StringRef layout,
                       function_ref<void(OpPassManager &)> addKernels);

void registerNVPTXPipelines();

} // namespace mlir::fptq

#endif // FPTQ_LIB_PIPELINES_HOSTSTAGES_H
