//===- CudaTools.h - ptxas and fatbinary, where they are found --*- C++ -*-===//
#ifndef FPTQ_LIB_TARGET_CUDATOOLS_H
#define FPTQ_LIB_TARGET_CUDATOOLS_H

#include "fptq/Target/NVPTX.h"
#include "llvm/Support/Error.h"

namespace mlir::fptq {

/// A program of the CUDA toolkit: on PATH, or in bin/ of CUDA_HOME, CUDA_PATH or CUDA_ROOT.
std::optional<std::string> findCudaTool(StringRef name);

/// Fills the cubin and what `ptxas -v` says of each kernel.
llvm::Error assemble(StringRef ptxas, NVPTXCode &code);

} // namespace mlir::fptq

#endif // FPTQ_LIB_TARGET_CUDATOOLS_H
