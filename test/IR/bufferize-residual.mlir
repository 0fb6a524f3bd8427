// RUN: fptq-opt --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" %s | FileCheck %s

// x += product: the residual and the result share one buffer. So do a multiplicand and the result.
// CHECK-LABEL: @residual_in_place
// CHECK-SAME: %[[X:arg0]]: memref<4x16xf32>
// CHECK-NOT: memref.alloc
// CHECK-NOT: memref.copy
// CHECK: residual(%[[X]] : memref<4x16xf32>) outs(%[[X]] : memref<4x16xf32>)
func.func @residual_in_place(%x: tensor<4x16xf32> {bufferization.writable = true}, %q: tensor<4x32xi8>, %s: tensor<4xf32>,
                             %t: tensor<4x1xi32>, %codes: tensor<16x16xi8>, %scales: tensor<16x1xf32>) -> tensor<4x16xf32> {
  %y = fptq.quantized_matmul <group, group_size = 32, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<4x32xi8>, tensor<4xf32>, tensor<4x1xi32>)
    weights(%codes, %scales : tensor<16x16xi8>, tensor<16x1xf32>)
    residual(%x : tensor<4x16xf32>) outs(%x : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %y : tensor<4x16xf32>
}

// CHECK-LABEL: @multiplicand_in_place
// CHECK-SAME: %[[X:arg0]]: memref<4x16xf32>
// CHECK-NOT: memref.alloc
// CHECK-NOT: memref.copy
// CHECK: activation <silu> multiplicand(%[[X]] : memref<4x16xf32>) outs(%[[X]] : memref<4x16xf32>)
func.func @multiplicand_in_place(%x: tensor<4x16xf32> {bufferization.writable = true}, %q: tensor<4x32xi8>, %s: tensor<4xf32>,
                                 %t: tensor<4x1xi32>, %codes: tensor<16x16xi8>, %scales: tensor<16x1xf32>) -> tensor<4x16xf32> {
  %y = fptq.quantized_matmul <group, group_size = 32, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<4x32xi8>, tensor<4xf32>, tensor<4x1xi32>)
    weights(%codes, %scales : tensor<16x16xi8>, tensor<16x1xf32>)
    activation <silu> multiplicand(%x : tensor<4x16xf32>) outs(%x : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %y : tensor<4x16xf32>
}
