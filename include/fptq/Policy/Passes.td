//===- Passes.td - the policy stage ---------------------------*- tablegen -*-===//
#ifndef FPTQ_POLICY_PASSES
#define FPTQ_POLICY_PASSES

include "mlir/Pass/PassBase.td"

def FptqChoosePolicyPass : Pass<"fptq-choose-policy", "ModuleOp"> {
  let summary = "Choose each layer's activation policy and weight scheme";
  let description = [{
    Writes `policy` (with the reason in words) and `scheme` on each
    `fptq.linear`, by FPTQ's three bands (arXiv 2308.15987, section 3.1) of the
    profiled range v:

    | v             | policy      |
    |---------------|-------------|
    | v <= v0       | `static`    |
    | v0 < v < v1   | `equalized` |
    | v >= v1       | `per_token` |

    The first rule of `recipe` that matches a layer's name comes before that
    (docs/Recipes.md), then `keep-float`, then `policy`. A rule, or a
    `keep-float` other than the default, that matches no layer is an error
    (a warning where nothing is strict). With `policy` other
    than `fptq` no thresholds are looked at; `per-token` and `float` need no
    profile. A layer that has a scheme was decided before, and is decided anew;
    a policy without one (the model's own) stays unless a rule or `policy` says
    otherwise. When the pass runs again it knows the model's own by a mark,
    `fptq.own_policy`, and a `float` that it decided itself by another,
    `fptq.chosen_float`.

    Layers of one name (prefill and decode) get one decision.

    A `fptq.lookup` has no activations to decide about. It stays float unless a rule of `recipe` names it (one without
    `kind`, or with `kind: lookup`); then it gets a `scheme`, by the rule and the options for weights.

    Errors, all layers at once: a static or equalized layer without a range, an
    equalized one without channel maxima, K not divisible by the group with
    `ragged=error`, a recipe's rule that matches nothing. With `strict=false`
    the first two go per token, with a remark, and the last is a warning.
  }];
  let options = [
    Option<"policy", "policy", "std::string", /*default=*/"\"fptq\"",
           "fptq (by range), static (never equalized), equalized (wherever there are channel maxima), per-token or "
           "float; default fptq">,
    Option<"v0", "v0", "double", /*default=*/"15", "largest range that is static; default 15">,
    Option<"v1", "v1", "double", /*default=*/"150", "smallest range that is per token; default 150">,
    Option<"recipe", "recipe", "std::string", /*default=*/"",
           "YAML or JSON file of per-layer rules (docs/Recipes.md); default none">,
    Option<"scheme", "scheme", "std::string", /*default=*/"\"group\"", "group or two-level; default group">,
    Option<"groupSize", "group-size", "int64_t", /*default=*/"128",
           "input channels a group, 0 for one group a channel; default 128">,
    Option<"symmetric", "symmetric", "std::string", /*default=*/"\"auto\"",
           "true, false or auto (true for group, false for two-level); default auto">,
    Option<"method", "method", "std::string", /*default=*/"\"rtn\"", "rtn or mse; default rtn">,
    Option<"ragged", "ragged", "std::string", /*default=*/"\"pad\"",
           "K not a multiple of the group: pad, adjust (the largest divisor of K) or error; default pad">,
    Option<"keepFloat", "keep-float", "std::string", /*default=*/"kHeadLayers",
           "regular expression of layers that stay float unless a rule names them, or empty; default the head, "
           "(^|[./])(lm_head|embed_tokens|wte)$">,
    Option<"strict", "strict", "bool", /*default=*/"true", "fail where a layer cannot have what was asked; default true">
  ];
  let statistics = [
    Statistic<"numStatic", "static", "layers with one static scale">,
    Statistic<"numEqualized", "equalized", "layers equalized, then static">,
    Statistic<"numPerToken", "per-token", "layers with one scale a token">,
    Statistic<"numFloat", "float", "layers kept float">,
    Statistic<"numLookups", "lookups", "lookups of 4-bit rows">
  ];
}

def FptqPrintLayersPass : Pass<"fptq-print-layers", "ModuleOp"> {
  let summary = "Print the layer table as text or JSON";
  let description = [{
    Layer, K x N, range, policy, group size, and the weight's error in dB once
    it is quantized. Changes nothing; may stand anywhere between raise and
    lowering.
  }];
  let options = [
    Option<"json", "json", "std::string", /*default=*/"", "file for the table as JSON, `-` for stderr; default none">,
    Option<"text", "text", "std::string", /*default=*/"\"-\"", "file for the table as text, `-` for stderr, empty for "
           "none; default -">
  ];
}

#endif // FPTQ_POLICY_PASSES
