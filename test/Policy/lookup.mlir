// RUN: split-file %s %t
// RUN: fptq-opt --fptq-choose-policy=policy=per-token %t/model.mlir | FileCheck %t/model.mlir
// RUN: fptq-opt --fptq-choose-policy="policy=per-token recipe=%t/rules.yaml" --fptq-print-layers %t/model.mlir 2>&1 | FileCheck %t/model.mlir --check-prefix=RULES
// RUN: not fptq-opt --fptq-choose-policy="policy=per-token recipe=%t/ragged.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=RAGGED
// RAGGED: layer 'model.embed_tokens.lookup' K = 12 is not divisible by group size 8 (remainder 4)
// RUN: not fptq-opt --fptq-choose-policy="policy=per-token recipe=%t/stored.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=STORED
// STORED: layer 'model.embed_tokens.lookup' has method 'stored', but its weight came with no codes
// RUN: not fptq-opt --fptq-choose-policy="policy=per-token recipe=%t/misspelt.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=MISSPELT
// MISSPELT: misspelt.yaml:3: rule 'embed_token\.lookup' matches no layer
// RUN: fptq-opt --fptq-choose-policy="policy=per-token recipe=%t/kind.yaml" --fptq-print-layers -o /dev/null %t/model.mlir 2>&1 | FileCheck %s --check-prefix=KIND
// KIND: model.embed_tokens.lookup 12 x 40 - lookup 8
// KIND: model.embed_tokens 12 x 40 - per-token 6
// RUN: not fptq-opt --fptq-choose-policy="policy=per-token recipe=%t/no-lookup.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=NOLOOKUP
// NOLOOKUP: no-lookup.yaml:3: rule 'lm_head' matches no lookup
// RUN: not fptq-opt --fptq-choose-policy="policy=per-token recipe=%t/activations.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=ACTIVATIONS
// ACTIVATIONS: activations.yaml:3: key 'kind': a lookup has no activations, so its rule takes no v0, v1, or policy but float
// RUN: not fptq-opt --fptq-choose-policy="policy=per-token recipe=%t/word.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=WORD
// WORD: word.yaml:4: key 'kind': 'embedding' is not one of linear, lookup

//--- model.mlir
// The tied head keeps its own decision and its own default.
// CHECK: fptq.lookup {{.*}} layer("model.embed_tokens.lookup") {reason = "no rule names it"}
// CHECK: fptq.linear {{.*}} layer("model.embed_tokens") {fptq.chosen_float, policy = #fptq.policy<float
// RULES: model.embed_tokens.lookup 12 x 40 - lookup 8
// RULES: model.embed_tokens 12 x 40 - float
// RULES: 2 layers: 1 float 1 lookup
// RULES: fptq.lookup {{.*}}reason = "{{.*}}rules.yaml:3: match 'lookup$'", scheme = #fptq.scheme<group, group_size = 8, symmetric = false, method = rtn>
func.func @f(%ids: tensor<?xindex>) -> tensor<?x40xf32> {
  %table = arith.constant dense<1.0> : tensor<40x12xf32>
  %x = fptq.lookup %ids, %table layer("model.embed_tokens.lookup") : (tensor<?xindex>, tensor<40x12xf32>) -> tensor<?x12xf32>
  %y = fptq.linear %x, %table layer("model.embed_tokens") : (tensor<?x12xf32>, tensor<40x12xf32>) -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}
//--- rules.yaml
version: 1
rules:
  - match: "lookup$"
    group_size: 8
    symmetric: false
//--- ragged.yaml
version: 1
rules:
  - match: "lookup$"
    group_size: 8
    ragged: error
//--- stored.yaml
version: 1
rules:
  - match: "lookup$"
    method: stored
//--- misspelt.yaml
version: 1
rules:
  - match: "embed_token\\.lookup"
    group_size: 8
//--- kind.yaml
version: 1
rules:
  - match: "embed_tokens"
    kind: lookup
    group_size: 8
  - match: "embed_tokens"
    kind: linear
    policy: per-token
    group_size: 6
//--- no-lookup.yaml
version: 1
rules:
  - match: "lm_head"
    kind: lookup
    group_size: 8
//--- activations.yaml
version: 1
rules:
  - match: "embed_tokens"
    kind: lookup
    policy: static
//--- word.yaml
version: 1
rules:
  - match: "embed_tokens"
    kind: embedding
