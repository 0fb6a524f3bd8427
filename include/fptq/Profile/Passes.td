//===- Passes.td - ranges of activations -----------------------*- tablegen -*-===//
#ifndef FPTQ_PROFILE_PASSES_TD
#define FPTQ_PROFILE_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqInsertObserversPass : Pass<"fptq-insert-observers"> {
  let summary = "Watch the input of every linear";
  let description = [{
    A `fptq.observe` with the layer's name before each `fptq.linear` that has none yet. A layer that may not run at all
    (an expert) has another one of no rows at its function's start, so that its profile says `tokens: 0`. Run the module
    with
    `fptq-run --calibrate=FILE` to get a profile. `fptq-observe-pipeline` has the stages before it that
    `fptq-quantize-pipeline` has: its profile has an entry for each layer that will be quantized, and no other.
  }];
  let dependentDialects = ["::mlir::fptq::FptqDialect", "::mlir::tensor::TensorDialect"];
}

def FptqAttachProfilePass : Pass<"fptq-attach-profile", "::mlir::ModuleOp"> {
  let summary = "Put profiled ranges on the linears";
  let description = [{
    Reads `profile` (docs/ProfileFormat.md, or a foreign table) and sets `range` and `channel_absmax` on
    each `fptq.linear`. Where module and profile both name a model hash they must agree. With `strict`
    (default: true) a layer without a profile entry, or an entry without a layer, is an error that lists
    all of them; otherwise a warning.
  }];
  let options = [
    Option<"profile", "profile", "std::string", "\"\"", "profile file (required)">,
    Option<"strict", "strict", "bool", "true", "missing and extra layers are errors; default true">];
  let dependentDialects = ["::mlir::fptq::FptqDialect"];
}

#endif // FPTQ_PROFILE_PASSES_TD
