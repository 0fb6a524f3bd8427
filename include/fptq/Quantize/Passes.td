//===- Passes.td - weights to 4-bit codes ----------------------*- tablegen -*-===//
#ifndef FPTQ_QUANTIZE_PASSES_TD
#define FPTQ_QUANTIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqQuantizeWeightsPass : Pass<"fptq-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "Replace decided linears by quantized activations and 4-bit weights";
  let description = [{
    Each `fptq.linear` whose policy is not `float` becomes `fptq.quantize_activations` and
    `fptq.quantized_matmul`; leading dimensions are collapsed to rows and expanded again, a
    `fptq.scale_channels` by a constant directly before becomes the `multiplier`. Policies static and
    equalized take the scale `range.absmax / 127`, per_token computes it at run time.

    Each `fptq.lookup` with a `scheme` becomes `fptq.quantized_lookup`; it reads the codes of a linear over the same
    table where both have one scheme and the linear is not equalized (a tied head). Other lookups are linalg again, as
    front ends write them.

    A weight is evaluated, quantized by its `scheme` and written one at a time. Calls of the same layer
    (prefill and decode) share one result. Without `parameters-out` (default) results are resource
    constants; with it they are external globals whose bytes are streamed into that .safetensors file,
    together with every other external parameter still in use, so that the module needs no other file.
    The file is written as `FILE.partial` and renamed at the end; with `resume` (default: true) what a killed run had
    finished is kept, if the module is the same with all that was decided about it, and the bytes are what was written.

    `scale-type` (default: f32) is f32 or f16. `progress` (default: false) emits a remark a weight.
    A layer without policy or scheme, a static policy without range, and a weight with NaN or infinity
    are errors that name the layer. NaN or infinity in a constant that stays float (a norm, a bias, a table) is an error
    that names the constant; not so a splat or -infinity, with which models mask.
  }];
  let options = [
    Option<"parametersOut", "parameters-out", "std::string", "\"\"",
           "stream quantized parameters into this .safetensors file; default none: they stay in the module">,
    Option<"resume", "resume", "bool", "true", "go on where a killed run stopped; default true">,
    Option<"scaleType", "scale-type", "std::string", "\"f32\"", "f32 or f16; default f32">,
    Option<"progress", "progress", "bool", "false", "a remark for each weight; default false">];
  let dependentDialects = ["::mlir::fptq::FptqDialect", "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::ml_program::MLProgramDialect"];
}

def FptqExportQuantPass : Pass<"fptq-export-quant", "::mlir::ModuleOp"> {
  let summary = "Write quantized weights and linears with upstream's !quant types";
  let description = [{
    The inverse of `fptq-import-quant`, for tools that know `!quant.uniform`: each `fptq.dequantize`, and each
    `fptq.quantized_matmul` of a static layer with its quantize step, becomes constants behind `quant.scast` and
    `quant.dcast`, a `quant.qcast`/`quant.dcast` pair on the input, and a float `linalg.matmul` with the bias and the
    residual added. One group along K is written per axis, several as sub-channel; symmetric codes as `i4`, codes with
    zero points as `u4`, bytes as `i8`. Imported again, the codes are the same. Scales of these types are positive:
    groups of 4 bits with a negative scale (as `fptq-quantize-weights` gives to those whose largest value is positive)
    are mirrored, codes 15 - q, and their weight is `u4`: the same floats.

    What the types cannot say is an error that names the layer: scales that exist only at run time (per token), float
    offsets (GGUF's Q4_1), the two-level scheme, a ragged last group, a scale that is not positive (0, or of bytes),
    lookups of 4-bit rows. Scales stand in the type: a 4096 x 11008 layer in groups of 128 is 4.6 MB of text.
  }];
  let dependentDialects = ["::mlir::fptq::FptqDialect", "::mlir::quant::QuantDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

#endif // FPTQ_QUANTIZE_PASSES_TD
