//===- Passes.td - checks between stages -----------------------*- tablegen -*-===//
#ifndef FPTQ_PIPELINES_PASSES_TD
#define FPTQ_PIPELINES_PASSES_TD

include "mlir/Pass/PassBase.td"

def FptqVerifyStagePass : Pass<"fptq-verify-stage", "::mlir::ModuleOp"> {
  let summary = "Check what a stage promises the next";
  let description = [{
    `stage` (required) is one of
    - `raised`: every weight of a `fptq.linear` and table of a `fptq.lookup` is a constant chain, and every layer has a
      name;
    - `profiled`: every `fptq.linear` has `range`, or a policy of its own;
    - `decided`: every `fptq.linear` has `policy` and, unless float, `scheme`; every `fptq.lookup` a `reason`;
    - `quantized`: no `fptq.linear` is left but those whose policy is float, and their product's
      activations come from a quantize step; no `fptq.lookup` is left;
    - `packed`: no `fptq.quantized_matmul` and no `fptq.quantized_lookup` is left.

    All violations are errors, each naming its layer. The pipelines run it after every stage
    (`profiled` only where they are strict).
  }];
  let options = [Option<"stage", "stage", "std::string", "\"\"",
                        "raised, profiled, decided, quantized or packed; required">];
}

def FptqCheckTargetPass : Pass<"fptq-check-target", "::mlir::ModuleOp"> {
  let summary = "Say before any work what a target will run of each layer";
  let description = [{
    A line a layer on stderr: which kernel serves it, and what padding to the layout costs. For linears whose
    scheme is not decided yet `group-size` and `scheme` (group or two-level) say what it would be. Nothing is changed.

    Errors, all layers at once: an unknown target, a chip below sm_80, a tier this machine cannot run (with
    `target=auto` there is none; a tier's `-emulated` runs anywhere), K above 65536 (QM5), weights packed in
    another target's layout.
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"auto\"",
           "reference, avx2, avxvnni, avx512vnni, avx512vnni-zen, amx-int8, each but the first also with -emulated; a chip (sm_80, sm_90a, ...); "
           "auto, this machine's best tier; default auto">,
    Option<"elsewhere", "elsewhere", "bool", /*default=*/"false",
           "the code will run on another machine: do not ask what this one can run; default false">,
    Option<"groupSize", "group-size", "int64_t", /*default=*/"128", "input channels a group, 0 for one group; default 128">,
    Option<"scheme", "scheme", "std::string", /*default=*/"\"group\"", "group or two-level; default group">
  ];
}

#endif // FPTQ_PIPELINES_PASSES_TD
