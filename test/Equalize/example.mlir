// The example of docs/Equalization.md.
// RUN: fptq-opt %s --fptq-equalize --remarks-filter=Equalize 2>&1 | FileCheck %s

// CHECK: %[[BEFORE_Q:.*]] = arith.constant dense<[7.000000e+00, 3.500000e+00, 2.000000e+00, 7.000000e+00]>
// CHECK: linalg.broadcast ins(%[[BEFORE_Q]]
// CHECK: fptq.scale_channels %{{.*}} dim(1) : tensor<4x4xf32>
// CHECK: fptq.linear {{.*}} layer("q")
// CHECK-SAME: absmax = 4.000000e+00

func.func @norm_and_projection(%n: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %gamma = arith.constant {fptq.name = "norm"} dense<7.0> : tensor<4xf32>
  %w = arith.constant {fptq.name = "q"} dense<0.5> : tensor<4x4xf32>
  %e = tensor.empty() : tensor<8x4xf32>
  %b = linalg.broadcast ins(%gamma : tensor<4xf32>) outs(%e : tensor<8x4xf32>) dimensions = [0]
  %x = linalg.mul ins(%n, %b : tensor<8x4xf32>, tensor<8x4xf32>) outs(%e : tensor<8x4xf32>) -> tensor<8x4xf32>
  %q = fptq.linear %x, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>,
    policy = #fptq.policy<equalized, "10 < v = 14 < 150 (v0, v1)">,
    range = #fptq.range<min = -14.0, max = 13.0, absmax = 14.0, tokens = 2000>
  } : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  return %q : tensor<8x4xf32>
}
