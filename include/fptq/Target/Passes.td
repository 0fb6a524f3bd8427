//===- Passes.td - kernels to artifacts ------------------------*- tablegen -*-===//
#ifndef FPTQ_TARGET_PASSES_TD
#define FPTQ_TARGET_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqEmitNVPTXPass : Pass<"fptq-emit-nvptx", "::mlir::ModuleOp"> {
  let summary = "Compile the kernels of gpu.modules";
  let description = [{
    Each `gpu.module`, in the form `fptq-nvptx-device-pipeline` leaves, becomes a `gpu.binary` of the same name with one
    object for `chip` (default: sm_80). `emit` (default: ptx) is ptx, which needs no CUDA, or cubin or fatbin, which
    need ptxas (and fatbinary) on PATH or in CUDA_HOME, CUDA_PATH or CUDA_ROOT; where they are missing that is an error.

    The object's kernel table says of every kernel how it is launched and what it takes: `threads`, `shared_bytes`,
    `tile` and, where ptxas was found, `registers` and `spill_bytes`.
  }];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_80\"", "chip to generate code for (default: sm_80)">,
    Option<"emit", "emit", "std::string", "\"ptx\"", "ptx (default), cubin or fatbin">];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::NVVM::NVVMDialect"];
}

#endif // FPTQ_TARGET_PASSES_TD
