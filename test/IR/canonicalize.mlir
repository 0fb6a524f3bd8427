// RUN: fptq-opt --canonicalize %s | FileCheck %s

// CHECK-LABEL: @scale_by_one
// CHECK-NEXT: return %arg0
func.func @scale_by_one(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %y = fptq.scale_channels %x, %one dim(1) : tensor<?x4xf32>, tensor<4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: @scale_by_another_stays
// CHECK: fptq.scale_channels
func.func @scale_by_another_stays(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %s = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = fptq.scale_channels %x, %s dim(1) : tensor<?x2xf32>, tensor<2xf32>
  return %y : tensor<?x2xf32>
}

// CHECK-LABEL: @unpack_of_pack
// CHECK-NEXT: return %arg0, %arg1
func.func @unpack_of_pack(%codes: tensor<16x4xi8>, %scales: tensor<16x1xf32>) -> (tensor<16x4xi8>, tensor<16x1xf32>) {
  %p = fptq.pack <group, group_size = 8, symmetric = true, method = rtn> <"x86"> k(8)
    weights(%codes, %scales : tensor<16x4xi8>, tensor<16x1xf32>) -> tensor<256xi8>
  %0:2 = fptq.unpack <group, group_size = 8, symmetric = true, method = rtn> <"x86"> k(8) %p : tensor<256xi8> -> tensor<16x4xi8>, tensor<16x1xf32>
  return %0#0, %0#1 : tensor<16x4xi8>, tensor<16x1xf32>
}
