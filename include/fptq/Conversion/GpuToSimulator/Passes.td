//===- Passes.td - device IR to host code ---------------------*- tablegen -*-===//
#ifndef FPTQ_CONVERSION_GPUTOSIMULATOR_PASSES_TD
#define FPTQ_CONVERSION_GPUTOSIMULATOR_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqSimulateGpuPass : Pass<"fptq-simulate-gpu", "::mlir::ModuleOp"> {
  let summary = "Turn GPU kernels into host code that runs on the simulator";
  let description = [{
    Takes `gpu.module`s whose kernels are in the LLVM dialect with `nvvm` and `fptq_gpu` operations: the last form
    before these become inline assembly and intrinsics. Every device operation becomes a call of the simulator
    (lib/Runtime/GpuSimulator), every access to memory is checked first, address spaces go away, and the kernels
    become functions of the surrounding module. Calls of `fptq_gpu_launch` become calls of `fptq_sim_launch`
    with the table of those kernels.

    An operation that the simulator has no case for is an error that names it: (S1) nothing is skipped.
    (S2) Kernels call no other functions. (S3) Shared memory is a global in address space 3 without an
    initializer; an array of 0 elements is the dynamic shared memory of the launch.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // FPTQ_CONVERSION_GPUTOSIMULATOR_PASSES_TD
