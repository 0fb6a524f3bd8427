// RUN: fptq-opt --fptq-raise --split-input-file %s | FileCheck %s

// A weight is what a layer reads of its constant, and in which order: quantized under one name, one of these two would
// get the other's codes. A square weight tells by no shape.
// CHECK-LABEL: @straight_and_transposed
// CHECK: layer("shared")
// CHECK: layer("shared_2")
func.func @straight_and_transposed(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %w = arith.constant {fptq.name = "shared.weight"} dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %z = arith.constant dense<0.0> : tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<2x2xf32>, tensor<2x2xf32>) outs(%z : tensor<2x2xf32>) -> tensor<2x2xf32>
  %t = linalg.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%y, %w : tensor<2x2xf32>, tensor<2x2xf32>) outs(%z : tensor<2x2xf32>) -> tensor<2x2xf32>
  return %t : tensor<2x2xf32>
}

// -----

// Slices that begin at one place.
// CHECK-LABEL: @slices
// CHECK: layer("stack.0.0")
// CHECK: layer("stack.0.0_2")
// CHECK: layer("stack.2.0")
func.func @slices(%x: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = arith.constant {fptq.name = "stack"} dense<[[1.0, 2.0, 9.0], [3.0, 4.0, 9.0], [5.0, 6.0, 9.0], [7.0, 8.0, 9.0]]> : tensor<4x3xf32>
  %z = arith.constant dense<0.0> : tensor<3x2xf32>
  %dense = tensor.extract_slice %w[0, 0] [2, 2] [1, 1] : tensor<4x3xf32> to tensor<2x2xf32>
  %strided = tensor.extract_slice %w[0, 0] [2, 2] [2, 1] : tensor<4x3xf32> to tensor<2x2xf32>
  %next = tensor.extract_slice %w[2, 0] [2, 2] [1, 1] : tensor<4x3xf32> to tensor<2x2xf32>
  %0 = linalg.matmul ins(%x, %dense : tensor<3x2xf32>, tensor<2x2xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  %1 = linalg.matmul ins(%x, %strided : tensor<3x2xf32>, tensor<2x2xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  %2 = linalg.matmul ins(%x, %next : tensor<3x2xf32>, tensor<2x2xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %0, %1, %2 : tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>
}

// -----

// One weight, however it is spelled: in `prefill` and `decode` it is one layer.
// CHECK-LABEL: @prefill
// CHECK-COUNT-2: layer("one")
// CHECK-LABEL: @decode
// CHECK-COUNT-2: layer("one")
// CHECK-NOT: layer("one_2")
func.func @prefill(%x: tensor<3x4xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = arith.constant {fptq.name = "one"} dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %z = arith.constant dense<0.0> : tensor<3x2xf32>
  %e = tensor.empty() : tensor<4x2xf32>
  %t = linalg.transpose ins(%w : tensor<2x4xf32>) outs(%e : tensor<4x2xf32>) permutation = [1, 0]
  %y = linalg.matmul ins(%x, %t : tensor<3x4xf32>, tensor<4x2xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  %s = linalg.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %w : tensor<3x4xf32>, tensor<2x4xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %y, %s : tensor<3x2xf32>, tensor<3x2xf32>
}
func.func @decode(%x: tensor<4xf32>, %xs: tensor<1x2x2xf32>) -> (tensor<2xf32>, tensor<1x2xf32>) {
  %w = arith.constant {fptq.name = "one"} dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %z = arith.constant dense<0.0> : tensor<2xf32>
  %y = linalg.matvec ins(%w, %x : tensor<2x4xf32>, tensor<4xf32>) outs(%z : tensor<2xf32>) -> tensor<2xf32>
  %zs = arith.constant dense<0.0> : tensor<1x2xf32>
  %split = tensor.expand_shape %w [[0], [1, 2]] output_shape [2, 2, 2] : tensor<2x4xf32> into tensor<2x2x2xf32>
  %s = linalg.contract indexing_maps = [affine_map<(m, n, a, b) -> (m, a, b)>, affine_map<(m, n, a, b) -> (n, a, b)>, affine_map<(m, n, a, b) -> (m, n)>]
    ins(%xs, %split : tensor<1x2x2xf32>, tensor<2x2x2xf32>) outs(%zs : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y, %s : tensor<2xf32>, tensor<1x2xf32>
}

// -----

// Reshaped, it is another matrix.
// CHECK-LABEL: @reshaped
// CHECK: layer("flat")
// CHECK: layer("flat_2")
func.func @reshaped(%x: tensor<3x4xf32>, %v: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x4xf32>) {
  %w = arith.constant {fptq.name = "flat"} dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf32>
  %a = tensor.expand_shape %w [[0, 1]] output_shape [2, 4] : tensor<8xf32> into tensor<2x4xf32>
  %b = tensor.expand_shape %w [[0, 1]] output_shape [4, 2] : tensor<8xf32> into tensor<4x2xf32>
  %za = arith.constant dense<0.0> : tensor<3x2xf32>
  %zb = arith.constant dense<0.0> : tensor<3x4xf32>
  %0 = linalg.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %a : tensor<3x4xf32>, tensor<2x4xf32>) outs(%za : tensor<3x2xf32>) -> tensor<3x2xf32>
  %1 = linalg.contract indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%v, %b : tensor<3x2xf32>, tensor<4x2xf32>) outs(%zb : tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0, %1 : tensor<3x2xf32>, tensor<3x4xf32>
}
