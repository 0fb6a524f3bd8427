//===- SlabKernels.h - weights unpacked once for many rows ------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_SLABKERNELS_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_SLABKERNELS_H

#include "KernelBuilder.h"

namespace mlir::fptq::x86 {

class SlabKernels : KernelBuilder {
public:
  explicit SlabKernels(const KernelBuilder &set) : KernelBuilder(set) {}

  LLVM::LLVMFuncOp unpack();
  LLVM::LLVMFuncOp tails();
  LLVM::LLVMFuncOp start();
  LLVM::LLVMFuncOp fold();
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_SLABKERNELS_H
