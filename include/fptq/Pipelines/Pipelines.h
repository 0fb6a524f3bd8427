//===- Pipelines.h - the order of the stages ---------------------*- C++ -*-===//
#ifndef FPTQ_PIPELINES_PIPELINES_H
#define FPTQ_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir::fptq {

/// Options of `fptq-x86-pipeline`.
struct X86PipelineOptions : PassPipelineOptions<X86PipelineOptions> {
  Option<std::string> tier{*this, "tier",
                           llvm::cl::desc("reference, avx2, avx512vnni, amx-int8, each also with -emulated; auto: what "
                                          "this machine offers (default)"),
                           llvm::cl::init("auto")};
  Option<bool> threads{*this, "threads", llvm::cl::desc("parallel loops through OpenMP (default true)"),
                       llvm::cl::init(true)};
  Option<int64_t> width{*this, "width", llvm::cl::desc("columns of a packed float weight's block (default 32)"),
                        llvm::cl::init(32)};
  Option<int64_t> accumulators{*this, "accumulators",
                               llvm::cl::desc("floats an outer-product tile keeps in registers: 96 for 16 ymm, 384 "
                                              "for 32 zmm; 0: by this machine (default)"),
                               llvm::cl::init(0)};
};

/// `name`, or what this machine and FPTQ_TIER offer where it is "auto".
std::string resolveTier(StringRef name);

/// Tensors with linalg, float linears and packed W4A8 linears, to the LLVM dialect.
void buildX86Pipeline(OpPassManager &pm, const X86PipelineOptions &options);

/// `fptq-quantize-pipeline`, `fptq-x86-pipeline`.
void registerPipelines();

} // namespace mlir::fptq

#endif // FPTQ_PIPELINES_PIPELINES_H
