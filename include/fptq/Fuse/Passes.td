//===- Passes.td - shared steps and epilogues ------------------*- tablegen -*-===//
#ifndef FPTQ_FUSE_PASSES_TD
#define FPTQ_FUSE_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqFusePass : Pass<"fptq-fuse"> {
  let summary = "Share activation quantization, move elementwise operations into the epilogue";
  let description = [{
    - `fptq.quantize_activations` of the same input in the same way (q, k and v; gate and up) are merged.
    - What follows a `fptq.quantized_matmul` element by element, in f32 and for it alone, moves into its epilogue, as
      far as the epilogue's order allows: a vector along the columns that is added is its `bias`; SiLU and GELU (with
      erf, erfc or tanh), however they are spelled over one operation or many, its `activation`; a factor of the same
      shape, the other half of a gated linear unit, its `multiplicand`; a summand of the same shape its `residual`. Rows
      that were expanded to more dimensions in between do not hinder that.

    Bias, multiplicand and residual round exactly as the separate operations did. The activation is that of
    docs/PackedLayout.md (A4), where the separate operations would have used another approximation of exp, erf or tanh.
  }];
  let dependentDialects = ["::mlir::fptq::FptqDialect", "::mlir::tensor::TensorDialect"];
}

#endif // FPTQ_FUSE_PASSES_TD
