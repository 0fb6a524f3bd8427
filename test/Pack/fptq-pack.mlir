// RUN: split-file %s %t
// RUN: fptq-opt --fptq-pack %t/good.mlir | FileCheck %t/good.mlir
// RUN: fptq-opt --fptq-pack %t/splats.mlir | FileCheck %t/splats.mlir
// RUN: not fptq-opt --fptq-pack %t/limits.mlir 2>&1 | FileCheck %t/limits.mlir
// RUN: not fptq-opt --fptq-pack %t/zero-points.mlir 2>&1 | FileCheck %t/zero-points.mlir
// RUN: not fptq-opt --fptq-pack %t/activations.mlir 2>&1 | FileCheck %t/activations.mlir
// RUN: not fptq-opt --fptq-pack=layout=arm %t/good.mlir 2>&1 | FileCheck %s --check-prefix=LAYOUT
// LAYOUT: unknown layout 'arm'

//--- good.mlir
// Groups of 4 take 8 columns of the activations; both products keep sharing one quantize step.
// CHECK: %[[Q:.*]], %[[SCALES:.*]], %[[SUMS:.*]] = fptq.quantize_activations group_size(4) padded_group_size(8) {{.*}} -> tensor<3x16xi8>, tensor<3xf32>, tensor<3x2xi32>
// CHECK-NOT: fptq.quantize_activations
// CHECK: fptq.packed_matmul <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) layer("a")
// CHECK-SAME: ins(%[[Q]], %[[SCALES]], %[[SUMS]]
// CHECK: fptq.packed_matmul {{.*}} layer("b")
// CHECK-NOT: fptq.quantized_matmul
func.func @f(%x: tensor<3x8xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %c = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : tensor<2x4xi8>
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %q = tensor.empty() : tensor<3x8xi8>
  %s = tensor.empty() : tensor<3xf32>
  %t = tensor.empty() : tensor<3x2xi32>
  %y = tensor.empty() : tensor<3x2xf32>
  %0:3 = fptq.quantize_activations group_size(4) padded_group_size(4) ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>
  %1 = fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = rtn> layer("a")
    ins(%0#0, %0#1, %0#2 : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<2x4xi8>, tensor<2x2xf32>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  %2 = fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = rtn> layer("b")
    ins(%0#0, %0#1, %0#2 : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<2x4xi8>, tensor<2x2xf32>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %1, %2 : tensor<3x2xf32>, tensor<3x2xf32>
}
//--- splats.mlir
// A small weight of equal codes, scales or zero points is a splat once it is an attribute: its bytes are those of the
// same numbers in resources.
// CHECK-COUNT-2: fptq.packed_matmul
// CHECK: a.packed: "[[BYTES:0x[0-9A-F]+]]"
// CHECK: b.packed: "[[BYTES]]"
func.func @f(%x: tensor<3x8xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %c = arith.constant dense<17> : tensor<2x4xi8>
  %w = arith.constant dense<2.0> : tensor<2x1xf32>
  %z = arith.constant dense<3> : tensor<2x1xi8>
  %rc = arith.constant dense_resource<codes> : tensor<2x4xi8>
  %rw = arith.constant dense_resource<scales> : tensor<2x1xf32>
  %rz = arith.constant dense_resource<zeros> : tensor<2x1xi8>
  %q = tensor.empty() : tensor<3x8xi8>
  %s = tensor.empty() : tensor<3xf32>
  %t = tensor.empty() : tensor<3x1xi32>
  %y = tensor.empty() : tensor<3x2xf32>
  %0:3 = fptq.quantize_activations group_size(8) padded_group_size(8) ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x1xi32>) -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x1xi32>
  %1 = fptq.quantized_matmul <group, group_size = 8, symmetric = false, method = rtn> layer("a")
    ins(%0#0, %0#1, %0#2 : tensor<3x8xi8>, tensor<3xf32>, tensor<3x1xi32>)
    weights(%c, %w : tensor<2x4xi8>, tensor<2x1xf32>) zeros(%z : tensor<2x1xi8>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  %2 = fptq.quantized_matmul <group, group_size = 8, symmetric = false, method = rtn> layer("b")
    ins(%0#0, %0#1, %0#2 : tensor<3x8xi8>, tensor<3xf32>, tensor<3x1xi32>)
    weights(%rc, %rw : tensor<2x4xi8>, tensor<2x1xf32>) zeros(%rz : tensor<2x1xi8>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %1, %2 : tensor<3x2xf32>, tensor<3x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      codes: "0x010000001111111111111111",
      scales: "0x040000000000004000000040",
      zeros: "0x010000000303"
    }
  }
#-}
//--- limits.mlir
// CHECK: (PK3) group 1 has multiplier 16 and offset 16, expected 1..16 and 15 a + b <= 255 (layer 'a')
func.func @f(%x: tensor<3x8xf32>) -> tensor<3x2xf32> {
  %c = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : tensor<2x4xi8>
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %a = arith.constant dense<[[1, 16], [1, 2]]> : tensor<2x2xi8>
  %b = arith.constant dense<[[9, 16], [8, 7]]> : tensor<2x2xi8>
  %q = tensor.empty() : tensor<3x8xi8>
  %s = tensor.empty() : tensor<3xf32>
  %t = tensor.empty() : tensor<3x2xi32>
  %y = tensor.empty() : tensor<3x2xf32>
  %0:3 = fptq.quantize_activations group_size(4) padded_group_size(4) ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>
  %1 = fptq.quantized_matmul <two_level, group_size = 4, symmetric = false, method = rtn> layer("a")
    ins(%0#0, %0#1, %0#2 : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<2x4xi8>, tensor<2xf32>) zeros(%b : tensor<2x2xi8>) multipliers(%a : tensor<2x2xi8>)
    outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}
//--- zero-points.mlir
// A signed byte holds q - z: AMX would wrap it.
// CHECK: (PK4) group 1 has zero point 128, expected 0..127 (layer 'a')
func.func @f(%x: tensor<3x8xf32>) -> tensor<3x2xf32> {
  %c = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : tensor<2x4xi8>
  %w = arith.constant dense<1.0> : tensor<2x1xf32>
  %z = arith.constant dense<[[127], [128]]> : tensor<2x1xi8>
  %q = tensor.empty() : tensor<3x8xi8>
  %s = tensor.empty() : tensor<3xf32>
  %t = tensor.empty() : tensor<3x1xi32>
  %y = tensor.empty() : tensor<3x2xf32>
  %0:3 = fptq.quantize_activations group_size(8) padded_group_size(8) ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x1xi32>) -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x1xi32>
  %1 = fptq.quantized_matmul <group, group_size = 8, symmetric = false, method = rtn> layer("a")
    ins(%0#0, %0#1, %0#2 : tensor<3x8xi8>, tensor<3xf32>, tensor<3x1xi32>)
    weights(%c, %w : tensor<2x4xi8>, tensor<2x1xf32>) zeros(%z : tensor<2x1xi8>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}

//--- activations.mlir
// CHECK: has activations that no fptq.quantize_activations made (layer 'a')
func.func @f(%q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) -> tensor<3x2xf32> {
  %c = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : tensor<2x4xi8>
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %y = tensor.empty() : tensor<3x2xf32>
  %1 = fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<2x4xi8>, tensor<2x2xf32>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}
