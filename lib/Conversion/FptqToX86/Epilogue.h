//===- Epilogue.h - sums to results -----------------------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_EPILOGUE_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_EPILOGUE_H

#include "KernelBuilder.h"

namespace mlir::fptq::x86 {

class EpilogueKernels : KernelBuilder {
public:
  explicit EpilogueKernels(const KernelBuilder &set) : KernelBuilder(set) {}

  LLVM::LLVMFuncOp epilogue();

private:
  struct Block;
  struct ActivatedRows;
  LLVM::LLVMFuncOp activate();
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_EPILOGUE_H
