// RUN: fptq-opt --fptq-vectorize-linalg %s | FileCheck %s

// One window of 2 x 2 in an image of 3 x 3: what is left over is not pooled.
// CHECK-LABEL: @max
// CHECK: vector.transfer_read %{{.*}} : tensor<{{.*}}>, vector<4x2x2xf32>
// CHECK: vector.multi_reduction <maximumf>, %{{.*}} [1, 2] : vector<4x2x2xf32> to vector<4xf32>
func.func @max(%x: tensor<1x4x3x3xf32>, %z: tensor<1x4x1x1xf32>) -> tensor<1x4x1x1xf32> {
  %w = tensor.empty() : tensor<2x2xf32>
  %y = linalg.pooling_nchw_max {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%x, %w : tensor<1x4x3x3xf32>, tensor<2x2xf32>) outs(%z : tensor<1x4x1x1xf32>) -> tensor<1x4x1x1xf32>
  return %y : tensor<1x4x1x1xf32>
}

// A window with gaps reads all of 3, of 4: its last element is the third.
// CHECK-LABEL: @dilated
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 0] [1, 4, 3] [1, 1, 1] : tensor<1x4x4xf32> to tensor<1x4x3xf32>
func.func @dilated(%x: tensor<1x4x4xf32>, %z: tensor<1x4x1xf32>) -> tensor<1x4x1xf32> {
  %w = tensor.empty() : tensor<2xf32>
  %y = linalg.pooling_ncw_sum {dilations = dense<2> : vector<1xi64>, strides = dense<2> : vector<1xi64>}
    ins(%x, %w : tensor<1x4x4xf32>, tensor<2xf32>) outs(%z : tensor<1x4x1xf32>) -> tensor<1x4x1xf32>
  return %y : tensor<1x4x1xf32>
}

// The number of images is open.
// CHECK-LABEL: @images
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 0] [%{{.*}}, 4, 2] [1, 1, 1] : tensor<?x4x3xf32> to tensor<?x4x2xf32>
func.func @images(%x: tensor<?x4x3xf32>, %z: tensor<?x4x1xf32>) -> tensor<?x4x1xf32> {
  %w = tensor.empty() : tensor<2xf32>
  %y = linalg.pooling_ncw_max {dilations = dense<1> : vector<1xi64>, strides = dense<2> : vector<1xi64>}
    ins(%x, %w : tensor<?x4x3xf32>, tensor<2xf32>) outs(%z : tensor<?x4x1xf32>) -> tensor<?x4x1xf32>
  return %y : tensor<?x4x1xf32>
}
