//===- Passes.td - packed operations to x86 kernels -----------*- tablegen -*-===//
#ifndef FPTQ_CONVERSION_FPTQTOX86_PASSES_TD
#define FPTQ_CONVERSION_FPTQTOX86_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertFptqToX86Pass : Pass<"convert-fptq-to-x86", "::mlir::ModuleOp"> {
  let summary = "Lower packed matmuls and activation quantization to generated x86 kernels";
  let description = [{
    Works after bufferization, on `fptq.packed_matmul` (layout `x86`) and `fptq.quantize_activations` on
    memrefs whose last dimension is contiguous. Each becomes a call of a kernel, which is added to the
    module once for each (tier, scheme, group size, scale type), with internal linkage and its own target
    features, so that kernels of several tiers live in one module.

    `tier` names one or more tiers: `reference`, `avx2`, `avxvnni`, `avx512vnni`, `avx512vnni-zen`, `amx-int8`, or one
    of the last five with `-emulated` behind it: the same code with the special instructions spelled in plain
    arithmetic, which runs anywhere. With more than one tier the program asks `fptq_cpu_tiers` of the
    runtime when it runs. Default: `avx2`.

    `threads` (default: false) splits large products over an OpenMP team: each thread has a share of its own, and takes
    from others' when it is through. Products of the same activations that stand beside each other (query, key and
    value; gate and up) share what their kernels prepare, and one team computes them.
  }];
  let options = [
    ListOption<"tiers", "tier", "std::string", "tiers to generate (default: avx2)">,
    Option<"threads", "threads", "bool", "false", "use OpenMP threads (default: false)">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::omp::OpenMPDialect",
                           "::mlir::vector::VectorDialect", "::mlir::fptq::x86::FptqX86Dialect"];
}

def FptqLowerX86OpsPass : Pass<"fptq-lower-x86-ops"> {
  let summary = "Lower fptq_x86 operations to intrinsics or to plain arithmetic";
  let description = [{
    Inside a function marked `fptq_x86.emulated` to `arith`, elsewhere to the instruction's intrinsic.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect"];
}

#endif // FPTQ_CONVERSION_FPTQTOX86_PASSES_TD
