//===- Passes.td - shared steps and epilogues ------------------*- tablegen -*-===//
#ifndef FPTQ_FUSE_PASSES_TD
#define FPTQ_FUSE_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqFusePass : Pass<"fptq-fuse"> {
  let summary = "Share activation quantization, move bias and residual into the epilogue";
  let description = [{
    - `fptq.quantize_activations` of the same input in the same way (q, k and v; gate and up) are merged.
    - An elementwise f32 add of a `fptq.quantized_matmul` whose product has no other use becomes its
      `residual` (same shape) or its `bias` (a vector along the columns). The epilogue adds the bias, then
      the residual, each rounded once, exactly as the separate adds did.
  }];
  let dependentDialects = ["::mlir::fptq::FptqDialect", "::mlir::tensor::TensorDialect"];
}

#endif // FPTQ_FUSE_PASSES_TD
