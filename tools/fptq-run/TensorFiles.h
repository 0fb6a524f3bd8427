//===- TensorFiles.h - inputs and results of fptq-run ------------*- C++ -*-===//
#ifndef FPTQ_TOOLS_FPTQRUN_TENSORFILES_H
#define FPTQ_TOOLS_FPTQRUN_TENSORFILES_H

#include "Npy.h"

namespace mlir::fptq {

/// Reads `arg0`, `arg1`, ... (`count` of them) of a .safetensors file.
llvm::Expected<std::vector<Array>> readInputs(llvm::StringRef path, size_t count);

/// Writes `result0`, `result1`, ... .
llvm::Error writeResults(llvm::StringRef path, llvm::ArrayRef<Array> results);

} // namespace mlir::fptq

#endif // FPTQ_TOOLS_FPTQRUN_TENSORFILES_H
