// RUN: fptq-opt --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map" --canonicalize %s | FileCheck %s

// Kernels load rows as vectors: what has a stride along its last dimension is copied to rows first, a result after.

// CHECK-LABEL: @activations
// CHECK-SAME: %[[X:arg0]]: memref<?x32x2xf32>
// CHECK: %[[STRIDED:.*]] = memref.subview %[[X]]{{.*}} to memref<?x32xf32, strided<[64, 2], offset: 1>>
// CHECK: %[[ROWS:.*]] = memref.alloc(%{{.*}}) {{.*}}: memref<?x32xf32>
// CHECK: memref.copy %[[STRIDED]], %[[ROWS]]
// CHECK: fptq.quantize_activations {{.*}}ins(%[[ROWS]] : memref<?x32xf32>
func.func @activations(%x: tensor<?x32x2xf32>, %m: index, %q: tensor<?x32xi8>, %s: tensor<?xf32>, %t: tensor<?x1xi32>)
    -> (tensor<?x32xi8>, tensor<?xf32>, tensor<?x1xi32>) {
  %row = tensor.extract_slice %x[0, 0, 1] [%m, 32, 1] [1, 1, 1] : tensor<?x32x2xf32> to tensor<?x32xf32>
  %r:3 = fptq.quantize_activations group_size(32) padded_group_size(32) ins(%row : tensor<?x32xf32>)
    outs(%q, %s, %t : tensor<?x32xi8>, tensor<?xf32>, tensor<?x1xi32>)
    -> tensor<?x32xi8>, tensor<?xf32>, tensor<?x1xi32>
  return %r#0, %r#1, %r#2 : tensor<?x32xi8>, tensor<?xf32>, tensor<?x1xi32>
}

// A column of a matrix is the bias, another the place of the result.
// CHECK-LABEL: @bias_and_result
// CHECK-SAME: %[[OUT:arg1]]: memref<4x16x3xf32>
// CHECK: %[[BIAS:.*]] = memref.alloc() {{.*}}: memref<16xf32>
// CHECK: memref.copy %{{.*}}, %[[BIAS]] : memref<16xf32, strided<[2]>> to memref<16xf32>
// CHECK: %[[RESULT:.*]] = memref.alloc() {{.*}}: memref<4x16xf32>
// CHECK: bias(%[[BIAS]] : memref<16xf32>) outs(%[[RESULT]] : memref<4x16xf32>)
// CHECK: memref.copy %[[RESULT]], %{{.*}} : memref<4x16xf32> to memref<4x16xf32, strided<[48, 3], offset: 2>>
func.func @bias_and_result(%b: tensor<16x2xf32>, %out: tensor<4x16x3xf32> {bufferization.writable = true},
                           %q: tensor<4x32xi8>, %s: tensor<4xf32>, %t: tensor<4x1xi32>, %codes: tensor<16x16xi8>,
                           %scales: tensor<16x1xf32>) -> tensor<4x16x3xf32> {
  %bias = tensor.extract_slice %b[0, 0] [16, 1] [1, 1] : tensor<16x2xf32> to tensor<16xf32>
  %place = tensor.extract_slice %out[0, 0, 2] [4, 16, 1] [1, 1, 1] : tensor<4x16x3xf32> to tensor<4x16xf32>
  %y = fptq.quantized_matmul <group, group_size = 32, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<4x32xi8>, tensor<4xf32>, tensor<4x1xi32>)
    weights(%codes, %scales : tensor<16x16xi8>, tensor<16x1xf32>)
    bias(%bias : tensor<16xf32>) outs(%place : tensor<4x16xf32>) -> tensor<4x16xf32>
  %r = tensor.insert_slice %y into %out[0, 0, 2] [4, 16, 1] [1, 1, 1] : tensor<4x16xf32> into tensor<4x16x3xf32>
  return %r : tensor<4x16x3xf32>
}
