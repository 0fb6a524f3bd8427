// RUN: fptq-opt --transform-interpreter --canonicalize %s | FileCheck %s

// CHECK-LABEL: @rows_and_columns
// CHECK: scf.for %[[ROW:[a-z0-9]+]] =
// CHECK: scf.for %[[COLUMN:[a-z0-9]+]] =
// CHECK-DAG: tensor.extract_slice %arg0[%[[ROW]], 0] [2, 32]
// CHECK-DAG: tensor.extract_slice %arg1[%[[ROW]]] [2]
// CHECK-DAG: tensor.extract_slice %arg3[%[[COLUMN]], 0] [8, 16]
// CHECK-DAG: tensor.extract_slice %arg4[%[[COLUMN]], 0] [8, 1]
// CHECK: fptq.quantized_matmul {{.*}} -> tensor<2x8xf32>
func.func @rows_and_columns(%q: tensor<4x32xi8>, %s: tensor<4xf32>, %t: tensor<4x1xi32>, %codes: tensor<16x16xi8>,
                            %scales: tensor<16x1xf32>, %y: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %0 = fptq.quantized_matmul <group, group_size = 32, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<4x32xi8>, tensor<4xf32>, tensor<4x1xi32>)
    weights(%codes, %scales : tensor<16x16xi8>, tensor<16x1xf32>) outs(%y : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}

// CHECK-LABEL: @rows_of_activations
// CHECK: scf.for %[[ROW:[a-z0-9]+]] =
// CHECK: tensor.extract_slice %arg0[%[[ROW]], 0] [1, 32]
// CHECK: fptq.quantize_activations {{.*}} multiplier(%arg1 : tensor<32xf32>) {{.*}} -> tensor<1x32xi8>, tensor<1xf32>, tensor<1x1xi32>
func.func @rows_of_activations(%x: tensor<4x32xf32>, %m: tensor<32xf32>, %q: tensor<4x32xi8>, %s: tensor<4xf32>,
                               %t: tensor<4x1xi32>) -> (tensor<4x32xi8>, tensor<4xf32>, tensor<4x1xi32>) {
  %0:3 = fptq.quantize_activations group_size(32) padded_group_size(32) ins(%x : tensor<4x32xf32>) multiplier(%m : tensor<32xf32>)
    outs(%q, %s, %t : tensor<4x32xi8>, tensor<4xf32>, tensor<4x1xi32>) -> tensor<4x32xi8>, tensor<4xf32>, tensor<4x1xi32>
  return %0#0, %0#1, %0#2 : tensor<4x32xi8>, tensor<4xf32>, tensor<4x1xi32>
}

// One tensor as scales of the rows and as bias: each is cut along its own loop.
// CHECK-LABEL: @one_tensor_twice
// CHECK: scf.for %[[ROW:[a-z0-9]+]] =
// CHECK: scf.for %[[COLUMN:[a-z0-9]+]] =
// CHECK-DAG: %[[SCALES:.*]] = tensor.extract_slice %arg1[%[[ROW]]] [2]
// CHECK-DAG: %[[BIAS:.*]] = tensor.extract_slice %arg1[%[[COLUMN]]] [8]
// CHECK: fptq.quantized_matmul {{.*}} ins(%{{.*}}, %[[SCALES]], {{.*}} bias(%[[BIAS]] : tensor<8xf32>)
func.func @one_tensor_twice(%q: tensor<16x32xi8>, %v: tensor<16xf32>, %t: tensor<16x1xi32>, %codes: tensor<16x16xi8>,
                            %scales: tensor<16x1xf32>, %y: tensor<16x16xf32>) -> tensor<16x16xf32> {
  %0 = fptq.quantized_matmul <group, group_size = 32, symmetric = true, method = rtn> layer("b")
    ins(%q, %v, %t : tensor<16x32xi8>, tensor<16xf32>, tensor<16x1xi32>)
    weights(%codes, %scales : tensor<16x16xi8>, tensor<16x1xf32>) bias(%v : tensor<16xf32>) outs(%y : tensor<16x16xf32>)
    -> tensor<16x16xf32>
  return %0 : tensor<16x16xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %matmul = transform.structured.match ops{["fptq.quantized_matmul"]} in %root : (!transform.any_op) -> !transform.any_op
    %a, %loops:2 = transform.structured.tile_using_for %matmul tile_sizes [2, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    %quantize = transform.structured.match ops{["fptq.quantize_activations"]} in %root : (!transform.any_op) -> !transform.any_op
    %b, %loop = transform.structured.tile_using_for %quantize tile_sizes [1] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
