// PyTorch's MaxPool2d(2) and AvgPool2d(3, 2) of images that no whole number of windows covers.
func.func @main(%x: tensor<2x4x3x3xf32>, %y: tensor<2x4x4x6xf32>) -> (tensor<2x4x1x1xf32>, tensor<2x4x1x2xf32>) {
  %none = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x4x1x1xf32>
  %z = linalg.fill ins(%none : f32) outs(%e : tensor<2x4x1x1xf32>) -> tensor<2x4x1x1xf32>
  %w = tensor.empty() : tensor<2x2xf32>
  %max = linalg.pooling_nchw_max {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%x, %w : tensor<2x4x3x3xf32>, tensor<2x2xf32>) outs(%z : tensor<2x4x1x1xf32>) -> tensor<2x4x1x1xf32>
  %e1 = tensor.empty() : tensor<2x4x1x2xf32>
  %z1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<2x4x1x2xf32>) -> tensor<2x4x1x2xf32>
  %w1 = tensor.empty() : tensor<3x3xf32>
  %sum = linalg.pooling_nchw_sum {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%y, %w1 : tensor<2x4x4x6xf32>, tensor<3x3xf32>) outs(%z1 : tensor<2x4x1x2xf32>) -> tensor<2x4x1x2xf32>
  return %max, %sum : tensor<2x4x1x1xf32>, tensor<2x4x1x2xf32>
}
