// RUN: split-file %s %t
// RUN: fptq-opt --fptq-choose-policy="group-size=4" %t/model.mlir | FileCheck %t/model.mlir
// What was decided before is decided anew.
// RUN: fptq-opt --fptq-choose-policy="group-size=2 v0=1 v1=2" %t/model.mlir | fptq-opt --fptq-choose-policy="group-size=4" | FileCheck %t/model.mlir
// RUN: fptq-opt --fptq-choose-policy="group-size=4 recipe=%t/rules.yaml" %t/model.mlir | FileCheck %t/model.mlir --check-prefix=RULES
// RUN: fptq-opt --fptq-choose-policy="group-size=4 recipe=%t/rules.json" %t/model.mlir | FileCheck %t/model.mlir --check-prefix=RULES
// RUN: fptq-opt --fptq-choose-policy="policy=per-token group-size=0" %t/bare.mlir | FileCheck %t/bare.mlir
// RUN: not fptq-opt --fptq-choose-policy %t/bare.mlir 2>&1 | FileCheck %s --check-prefix=BARE
// BARE: error: {{.*}}layer 'q'
// RUN: not fptq-opt --fptq-choose-policy="policy=per-token group-size=3 ragged=error" %t/bare.mlir 2>&1 | FileCheck %s --check-prefix=RAGGED
// RAGGED: layer 'q' K = 4 is not divisible by group size 3 (remainder 1)
// RAGGED: layer 'r' K = 4 is not divisible by group size 3 (remainder 1)
// RUN: fptq-opt --fptq-choose-policy="policy=per-token group-size=3 ragged=adjust" %t/bare.mlir | FileCheck %s --check-prefix=ADJUST
// ADJUST: scheme = #fptq.scheme<group, group_size = 2,
// RUN: not fptq-opt --fptq-choose-policy="recipe=%t/regex.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=REGEX
// REGEX: regex.yaml:{{.*}}match
// Patterns that took gigabytes and the stack.
// RUN: sed 's/(/((((a{1,255}){1,255}){1,255}){1,255})/' %t/regex.yaml > %t/repeated.yaml
// RUN: not fptq-opt --fptq-choose-policy="recipe=%t/repeated.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=LARGE
// LARGE: repeated.yaml:3: key 'match': bad regular expression 'a((((a{1,255}){1,255}){1,255}){1,255})': too large, with its repetitions written out, or too deeply nested
// RUN: %python -c "print('version: 1\nrules:\n  - match: \"' + '(' * 100000 + ')' * 100000 + '\"')" > %t/deep.yaml
// RUN: not fptq-opt --fptq-choose-policy="recipe=%t/deep.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=DEEP
// DEEP: deep.yaml:3: key 'match': bad regular expression '(((({{.*}}too deeply nested
// RUN: not fptq-opt --fptq-choose-policy="keep-float=(([]a]{255}){255}|\\(){255}" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=KEEP
// KEEP: keep-float: bad regular expression '{{.*}}too large
// RUN: not fptq-opt --fptq-choose-policy="recipe=%t/key.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=KEY
// KEY: key.yaml:{{.*}}polcy
// RUN: not fptq-opt --fptq-choose-policy="group-size=4 recipe=%t/unmatched.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=UNMATCHED
// UNMATCHED: unmatched.yaml:{{.*}}'nothing' matches no layer
// RUN: not fptq-opt --fptq-choose-policy="policy=sometimes" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=WORD
// WORD: option policy='sometimes' is not one of fptq, static, equalized, per-token, float
// RUN: not fptq-opt --fptq-choose-policy="v0=9 v1=3" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=BANDS
// BANDS: thresholds v0 = 9.00, v1 = 3.00

// RUN: sed 's/-1.0, max = 15.0, absmax = 15.0/0.0, max = 0.0, absmax = 0.0/' %t/model.mlir > %t/zeros.mlir
// RUN: fptq-opt --fptq-choose-policy="group-size=4" %t/zeros.mlir 2>&1 | FileCheck %s --check-prefix=ZEROS
// ZEROS: warning: calibration saw nothing but zeros, and a static scale is a guess: calibrate on more, or let a rule make it per-token (layer 'at_v0')
// ZEROS-NOT: warning
// ZEROS: layer("at_v0"){{.*}}policy = #fptq.policy<static, "v = 0 <= v0 = 15">

// An expert that no token was routed to.
// RUN: sed 's/-1.0, max = 15.0, absmax = 15.0, tokens = 1/0.0, max = 0.0, absmax = 0.0, tokens = 0/' %t/model.mlir > %t/unseen.mlir
// RUN: fptq-opt --fptq-choose-policy="group-size=4" %t/unseen.mlir 2>&1 | FileCheck %s --check-prefix=UNSEEN
// UNSEEN-NOT: warning
// UNSEEN: layer("at_v0"){{.*}}policy = #fptq.policy<per_token, "no token of the calibration reached it">
// RUN: not fptq-opt --fptq-choose-policy="group-size=4 policy=static" %t/unseen.mlir 2>&1 | FileCheck %s --check-prefix=UNSEEN-STATIC
// UNSEEN-STATIC: error: {{.*}}layer 'at_v0' was reached by no token of the calibration
// RUN: fptq-opt --fptq-choose-policy="group-size=4 policy=static strict=false" %t/unseen.mlir 2>&1 | FileCheck %s --check-prefix=UNSEEN-LENIENT
// UNSEEN-LENIENT: layer("at_v0"){{.*}}policy = #fptq.policy<per_token, "per token, because it was reached by no token of the calibration">

//--- model.mlir
// CHECK: layer("at_v0"){{.*}}policy = #fptq.policy<static, "v = 15 <= v0 = 15">
// CHECK: layer("above_v0"){{.*}}policy = #fptq.policy<equalized,
// CHECK: layer("below_v1"){{.*}}policy = #fptq.policy<equalized,
// CHECK: layer("at_v1"){{.*}}policy = #fptq.policy<per_token,
// CHECK: layer("lm_head"){{.*}}policy = #fptq.policy<float,
// RULES: layer("at_v0"){{.*}}policy = #fptq.policy<static,{{.*}}scheme = #fptq.scheme<group, group_size = 4, symmetric = true
// RULES: layer("above_v0"){{.*}}policy = #fptq.policy<per_token,{{.*}}group_size = 2
// RULES: layer("below_v1"){{.*}}policy = #fptq.policy<float,
// RULES: layer("at_v1"){{.*}}scheme = #fptq.scheme<two_level, group_size = 4, symmetric = false
func.func @f(%x: tensor<3x4xf32>) {
  %w = arith.constant dense<1.0> : tensor<2x4xf32>
  %0 = fptq.linear %x, %w layer("at_v0") {range = #fptq.range<min = -1.0, max = 15.0, absmax = 15.0, tokens = 1>, channel_absmax = dense<1.0> : tensor<4xf32>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %1 = fptq.linear %x, %w layer("above_v0") {range = #fptq.range<min = -1.0, max = 15.5, absmax = 15.5, tokens = 1>, channel_absmax = dense<1.0> : tensor<4xf32>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %2 = fptq.linear %x, %w layer("below_v1") {range = #fptq.range<min = -1.0, max = 149.5, absmax = 149.5, tokens = 1>, channel_absmax = dense<1.0> : tensor<4xf32>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %3 = fptq.linear %x, %w layer("at_v1") {range = #fptq.range<min = -1.0, max = 150.0, absmax = 150.0, tokens = 1>, channel_absmax = dense<1.0> : tensor<4xf32>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %4 = fptq.linear %x, %w layer("lm_head") {range = #fptq.range<min = -1.0, max = 1.0, absmax = 1.0, tokens = 1>, channel_absmax = dense<1.0> : tensor<4xf32>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return
}
//--- bare.mlir
// CHECK-COUNT-2: policy = #fptq.policy<per_token, {{.*}}scheme = #fptq.scheme<group, group_size = 0
func.func @f(%x: tensor<3x4xf32>) {
  %w = arith.constant dense<1.0> : tensor<2x4xf32>
  %0 = fptq.linear %x, %w layer("q") : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %1 = fptq.linear %x, %w layer("r") : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return
}
//--- rules.yaml
version: 1
rules:
  - match: above_v0
    policy: per-token
    group_size: 2
  - match: below
    policy: float
  - match: at_v1
    scheme: two-level
//--- rules.json
{"version": 1, "rules": [
  {"match": "above_v0", "policy": "per-token", "group_size": 2},
  {"match": "below", "policy": "float"},
  {"match": "at_v1", "scheme": "two-level"}]}
//--- regex.yaml
version: 1
rules:
  - match: "a("
    policy: float
//--- key.yaml
version: 1
rules:
  - match: a
    polcy: float
//--- unmatched.yaml
version: 1
rules:
  - match: nothing
    policy: float
