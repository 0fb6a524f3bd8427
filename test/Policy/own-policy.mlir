// The model's own policy, with its own range, is kept however often policies are chosen; a rule changes it for good.
// What stays float does so by this run's options, not by an earlier one's, unless the model says so.
// RUN: split-file %s %t
// RUN: fptq-opt --fptq-choose-policy=group-size=4 %t/model.mlir | fptq-opt --fptq-choose-policy="group-size=8 v1=20" | FileCheck %t/model.mlir
// RUN: fptq-opt --fptq-choose-policy="group-size=4 recipe=%t/rules.yaml" %t/model.mlir | fptq-opt --fptq-choose-policy=group-size=4 | FileCheck %t/model.mlir --check-prefix=RULE
// RUN: fptq-opt --fptq-choose-policy="group-size=4 keep-float=ours" %t/model.mlir | FileCheck %t/model.mlir --check-prefix=FLOAT
// RUN: fptq-opt --fptq-choose-policy="group-size=4 keep-float=ours" %t/model.mlir | fptq-opt --fptq-choose-policy="group-size=8 v1=20" | FileCheck %t/model.mlir
// RUN: fptq-opt --fptq-choose-policy="group-size=4 keep-float=ours strict=false" %t/float.mlir | fptq-opt --fptq-choose-policy=group-size=8 | FileCheck %t/float.mlir

//--- float.mlir
// CHECK: layer("own") {fptq.own_policy, policy = #fptq.policy<float, "too small">
func.func @f(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %w = arith.constant dense<1.5> : tensor<8x8xf32>
  %0 = fptq.linear %x, %w layer("own") {policy = #fptq.policy<float, "too small">} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}

//--- rules.yaml
version: 1
rules:
  - match: own
    policy: per-token

//--- model.mlir
// CHECK: layer("own") {fptq.own_policy, policy = #fptq.policy<static, "the model's own">
// CHECK-SAME: group_size = 8
// CHECK: layer("ours") {policy = #fptq.policy<per_token, "v = 300 >= v1 = 20">
// FLOAT: layer("ours") {fptq.chosen_float, policy = #fptq.policy<float, "keep-float=ours">
// RULE: layer("own") {policy = #fptq.policy<per_token, "v = 300 >= v1 = 150">
func.func @f(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %w = arith.constant dense<1.5> : tensor<8x8xf32>
  %0 = fptq.linear %x, %w layer("own") {policy = #fptq.policy<static, "the model's own">,
    range = #fptq.range<min = -300.0, max = 300.0, absmax = 300.0, tokens = 5>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  %1 = fptq.linear %0, %w layer("ours") {
    range = #fptq.range<min = -300.0, max = 300.0, absmax = 300.0, tokens = 5>} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
  return %1 : tensor<2x8xf32>
}
