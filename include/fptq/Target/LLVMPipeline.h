//===- LLVMPipeline.h - LLVM's passes for models and kernels -----*- C++ -*-===//
#ifndef FPTQ_TARGET_LLVMPIPELINE_H
#define FPTQ_TARGET_LLVMPIPELINE_H

#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

namespace mlir::fptq {

/// LLVM function attribute of generated kernels: optimized by the lean pipeline only.
inline constexpr char kKernelAttribute[] = "fptq-kernel";

/// The machine code generator for this host, with every feature it has.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> hostTargetMachine();

/// Optimizes `module`: -O3 for the model; for kernels a short pipeline that keeps what the generator
/// wrote (reassociation, LICM's store promotion and unrolling all spill).
llvm::Error optimize(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace mlir::fptq

#endif // FPTQ_TARGET_LLVMPIPELINE_H
