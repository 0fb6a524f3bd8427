//===- Passes.td - packed operations to NVPTX kernels ---------*- tablegen -*-===//
#ifndef FPTQ_CONVERSION_FPTQTONVGPU_PASSES_TD
#define FPTQ_CONVERSION_FPTQTONVGPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertFptqToNVGPUPass : Pass<"convert-fptq-to-nvgpu", "::mlir::ModuleOp"> {
  let summary = "Lower packed matmuls and activation quantization to generated NVPTX kernels";
  let description = [{
    Works after bufferization, on `fptq.packed_matmul` (layout `nvptx`), `fptq.quantize_activations` and
    `fptq.quantize_rows` on memrefs whose last dimension is contiguous. Each becomes a call of `fptq_gpu_launch`
    (fptq-runtime/GpuLaunch.h), which the device runtime and the simulator implement, with a kernel of
    `gpu.module @fptq_kernels`; a kernel is added once for each (scheme, group size, scale type, tile), and once for
    each body of rows. Products of a number of tokens known only at run time choose among the tiles when they are
    called.

    `chip` (default: sm_80) is sm_80, sm_86, sm_87, sm_89, sm_90, sm_90a, sm_100, sm_100a, sm_103, sm_120 or
    sm_121. Kernels of sm_80 run on every newer chip.

    `slices` (default: 0) is the number of blocks that share the K of a tile of up to 16 tokens: 1 to 8, or 0 to choose
    by the weight's shape and the chip. Results are the same for any number.
  }];
  let options = [Option<"chip", "chip", "std::string", "\"sm_80\"", "chip to generate kernels for (default: sm_80)">,
                 Option<"slices", "slices", "int64_t", "0",
                        "blocks that share the K of a small product: 1 to 8, 0 (default): chosen by shape">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::scf::SCFDialect", "::mlir::fptq::nvptx::FptqGpuDialect"];
}

def FptqLowerGpuOpsPass : Pass<"fptq-lower-gpu-ops"> {
  let summary = "Lower fptq_gpu operations to inline assembly";
  let description = [{
    The last step before LLVM, for devices only: the simulator takes the operations as they are.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

// Implemented in lib/Target, which alone has LLVM's code generator; pipelines know only this room.
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

#endif // FPTQ_CONVERSION_FPTQTONVGPU_PASSES_TD
