// RUN: split-file %s %t
// RUN: fptq-opt --fptq-pack %t/good.mlir | FileCheck %t/good.mlir
// RUN: not fptq-opt --fptq-pack %t/limits.mlir 2>&1 | FileCheck %t/limits.mlir
// RUN: not fptq-opt --fptq-pack %t/activations.mlir 2>&1 | FileCheck %t/activations.mlir
// RUN: not fptq-opt --fptq-pack=layout=arm %t/good.mlir 2>&1 | FileCheck %s --check-prefix=LAYOUT
// LAYOUT: unknown layout 'arm'

//--- good.mlir
// Groups of 4 take 8 columns of the activations; both products keep sharing one quantize step.
// CHECK: %[[Q:.*]]:3 = fptq.quantize_activations group_size(4) padded_group_size(8) {{.*}} -> tensor<3x16xi8>, tensor<3xf32>, tensor<3x2xi32>
// CHECK-NOT: fptq.quantize_activations
// CHECK: fptq.packed_matmul <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) layer("a")
// CHECK-SAME: ins(%[[Q]]#0, %[[Q]]#1, %[[Q]]#2
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
