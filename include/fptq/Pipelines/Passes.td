//===- Passes.td - checks between stages -----------------------*- tablegen -*-===//
#ifndef FPTQ_PIPELINES_PASSES_TD
#define FPTQ_PIPELINES_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqVerifyStagePass : Pass<"fptq-verify-stage", "::mlir::ModuleOp"> {
  let summary = "Check what a stage promises the next";
  let description = [{
    `stage` (required) is one of
    - `raised`: every weight of a `fptq.linear` is a constant chain, and every layer has a name;
    - `profiled`: every `fptq.linear` has `range` and `channel_absmax`;
    - `decided`: every `fptq.linear` has `policy` and, unless float, `scheme`;
    - `quantized`: no `fptq.linear` is left but those whose policy is float, and their product's
      activations come from a quantize step;
    - `packed`: no `fptq.quantized_matmul` is left.

    All violations are errors, each naming its layer. The pipelines run it after every stage.
  }];
  let options = [Option<"stage", "stage", "std::string", "\"\"", "raised, profiled, decided, quantized or packed">];
}

#endif // FPTQ_PIPELINES_PASSES_TD
