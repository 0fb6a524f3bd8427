// RUN: fptq-opt --fptq-merge-functions --split-input-file --remarks-filter=LinalgToVector %s 2>&1 | FileCheck %s

// Layers that differ in weights only, among them one used twice and one they share.
// CHECK: remark: [Passed] FunctionsMerged | Category:LinalgToVector | function=layer_0, functions=2
// CHECK: func.func private @layer_0(%[[X:.*]]: tensor<4xf32>, %[[W:.*]]: tensor<4xf32>) -> tensor<4xf32>
// CHECK: %[[SHARED:.*]] = arith.constant dense<[9.
// CHECK: %[[A:.*]] = arith.addf %[[X]], %[[W]]
// CHECK: %[[B:.*]] = arith.mulf %[[A]], %[[W]]
// CHECK: arith.subf %[[B]], %[[SHARED]]
// CHECK-NOT: @layer_1
// CHECK: func.func @main
// CHECK: %[[W0:.*]] = arith.constant dense<[1.
// CHECK: %[[Y:.*]] = call @layer_0(%{{.*}}, %[[W0]])
// CHECK: %[[W1:.*]] = arith.constant dense<[5.
// CHECK: call @layer_0(%[[Y]], %[[W1]])
func.func private @layer_0(%x: tensor<4xf32>) -> tensor<4xf32> {
  %w = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %s = arith.constant dense<[9.0, 8.0, 7.0, 6.0]> : tensor<4xf32>
  %a = arith.addf %x, %w : tensor<4xf32>
  %b = arith.mulf %a, %w : tensor<4xf32>
  %c = arith.subf %b, %s : tensor<4xf32>
  return %c : tensor<4xf32>
}
func.func private @layer_1(%x: tensor<4xf32>) -> tensor<4xf32> {
  // The order of constants says nothing.
  %s = arith.constant dense<[9.0, 8.0, 7.0, 6.0]> : tensor<4xf32>
  %w = arith.constant dense<[5.0, 6.0, 7.0, 8.0]> : tensor<4xf32>
  %a = arith.addf %x, %w : tensor<4xf32>
  %b = arith.mulf %a, %w : tensor<4xf32>
  %c = arith.subf %b, %s : tensor<4xf32>
  return %c : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = call @layer_0(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %z = call @layer_1(%y) : (tensor<4xf32>) -> tensor<4xf32>
  return %z : tensor<4xf32>
}

// -----

// One uses its weight twice, the other two weights; operands are exchanged; a scalar differs: all stay.
// CHECK-NOT: FunctionsMerged
// CHECK: @twice
// CHECK: @two
// CHECK: @exchanged
// CHECK: @scalar
func.func private @twice(%x: tensor<2xf32>) -> tensor<2xf32> {
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %a = arith.addf %x, %w : tensor<2xf32>
  %b = arith.subf %a, %w : tensor<2xf32>
  return %b : tensor<2xf32>
}
func.func private @two(%x: tensor<2xf32>) -> tensor<2xf32> {
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %u = arith.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %a = arith.addf %x, %w : tensor<2xf32>
  %b = arith.subf %a, %u : tensor<2xf32>
  return %b : tensor<2xf32>
}
func.func private @exchanged(%x: tensor<2xf32>) -> tensor<2xf32> {
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %a = arith.addf %x, %w : tensor<2xf32>
  %b = arith.subf %w, %a : tensor<2xf32>
  return %b : tensor<2xf32>
}
func.func private @scalar(%x: f32) -> f32 {
  %c = arith.constant 1.0 : f32
  %a = arith.addf %x, %c : f32
  return %a : f32
}
func.func private @other_scalar(%x: f32) -> f32 {
  %c = arith.constant 2.0 : f32
  %a = arith.addf %x, %c : f32
  return %a : f32
}

// -----

// The merged product stands for both layers, whatever was noted on them.
// CHECK: func.func private @block_0
// CHECK: fptq.packed_matmul {{.*}} layer("layers.*.up") ins({{.*}} outs(%{{.*}} : tensor<1x16xf32>) -> tensor<1x16xf32>
// CHECK-NOT: @block_10
!q = tensor<1x8xi8>
func.func private @block_0(%q: !q, %s: tensor<1xf32>, %x: tensor<1x1xi32>, %e: tensor<1x16xf32>) -> tensor<1x16xf32> {
  %w = arith.constant dense<1> : tensor<256xi8>
  %y = fptq.packed_matmul <group, group_size = 8, symmetric = true, method = rtn> <"x86"> k(8) layer("layers.0.up") ins(%q, %s, %x : !q, tensor<1xf32>, tensor<1x1xi32>) weights(%w : tensor<256xi8>) outs(%e : tensor<1x16xf32>) {fptq.error_db = -20.0 : f64} -> tensor<1x16xf32>
  return %y : tensor<1x16xf32>
}
func.func private @block_10(%q: !q, %s: tensor<1xf32>, %x: tensor<1x1xi32>, %e: tensor<1x16xf32>) -> tensor<1x16xf32> {
  %w = arith.constant dense<2> : tensor<256xi8>
  %y = fptq.packed_matmul <group, group_size = 8, symmetric = true, method = rtn> <"x86"> k(8) layer("layers.10.up") ins(%q, %s, %x : !q, tensor<1xf32>, tensor<1x1xi32>) weights(%w : tensor<256xi8>) outs(%e : tensor<1x16xf32>) {fptq.error_db = -22.0 : f64} -> tensor<1x16xf32>
  return %y : tensor<1x16xf32>
}
