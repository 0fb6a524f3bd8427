//===- WideBooleans.h - booleans as newer MLIR writes them -------*- C++ -*-===//
#ifndef FPTQ_LIB_SUPPORT_WIDEBOOLEANS_H
#define FPTQ_LIB_SUPPORT_WIDEBOOLEANS_H

#include "llvm/Support/MemoryBuffer.h"

namespace mlir::fptq {

/// `text` as MLIR 22 reads it. It packs the elements of a `dense<"0x..."> : tensor<...xi1>` eight to a byte; the MLIR
/// of torch-mlir (LLVM 24) writes a byte for each, which 22 refuses as "elements hex data size is invalid": every
/// causal mask that is a constant. What is repacked is filled with spaces, so that lines and columns stay; other text
/// is not copied.
std::unique_ptr<llvm::MemoryBuffer> packWideBooleans(std::unique_ptr<llvm::MemoryBuffer> text);

} // namespace mlir::fptq

#endif // FPTQ_LIB_SUPPORT_WIDEBOOLEANS_H
