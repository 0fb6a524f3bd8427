// Codes of weights with more than two dimensions are taken over, and are not quantized anew where views lie before them.
// RUN: fptq-opt %s --fptq-import-quant --canonicalize -split-input-file | FileCheck %s
// RUN: fptq-opt %s --fptq-quantize-pipeline=policy=per-token -split-input-file | FileCheck %s --check-prefix=CODES

// Heads taken apart.
// CODES-LABEL: @heads
// CODES: fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = stored> layer("a")
!heads = !quant.uniform<i4:f32:0, {0.5, 0.25, 0.125, 1.0}>
#x = affine_map<(m, h, n, k) -> (m, k)>
#w = affine_map<(m, h, n, k) -> (h, n, k)>
#y = affine_map<(m, h, n, k) -> (m, h, n)>
func.func @heads(%x: tensor<3x4xf32>) -> tensor<3x2x2xf32> {
  %c = arith.constant {fptq.name = "a.weight"} dense<[[1, 3, -1, 1], [0, -8, -1, 0], [1, 1, 1, 1], [0, -3, -1, 2]]> : tensor<4x4xi4>
  %q = quant.scast %c : tensor<4x4xi4> to tensor<4x4x!heads>
  %f = quant.dcast %q : tensor<4x4x!heads> to tensor<4x4xf32>
  %w = tensor.expand_shape %f [[0, 1], [2]] output_shape [2, 2, 4] : tensor<4x4xf32> into tensor<2x2x4xf32>
  %z = arith.constant dense<0.0> : tensor<3x2x2xf32>
  %r = linalg.contract indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<3x4xf32>, tensor<2x2x4xf32>) outs(%z : tensor<3x2x2xf32>) -> tensor<3x2x2xf32>
  return %r : tensor<3x2x2xf32>
}

// -----

// Input channels last, with the window: rows of the matrix are the output channels.
// CHECK-LABEL: @channels_first
// CHECK: %[[W:.*]] = fptq.dequantize %{{.*}}, %{{.*}} bits(4) group_size(4) : (tensor<2x2xi8>, tensor<2x1xf32>) -> tensor<2x4xf32>
// CHECK: %[[E:.*]] = tensor.expand_shape %[[W]] {{\[\[}}0], [1, 2, 3]] output_shape [2, 1, 2, 2]
// CHECK: linalg.conv_2d_nchw_fchw {{.*}}, %[[E]]
// CODES-LABEL: @channels_first
// CODES: fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = stored>
!first = !quant.uniform<i4:f32:0, {0.5, 0.25}>
func.func @channels_first(%x: tensor<1x1x4x4xf32>) -> tensor<1x2x2x2xf32> {
  %c = arith.constant dense<[[[[1, 3], [-1, 1]]], [[[0, -8], [-1, 0]]]]> : tensor<2x1x2x2xi4>
  %q = quant.scast %c : tensor<2x1x2x2xi4> to tensor<2x1x2x2x!first>
  %w = quant.dcast %q : tensor<2x1x2x2x!first> to tensor<2x1x2x2xf32>
  %z = arith.constant dense<0.0> : tensor<1x2x2x2xf32>
  %r = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
      ins(%x, %w : tensor<1x1x4x4xf32>, tensor<2x1x2x2xf32>) outs(%z : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  return %r : tensor<1x2x2x2xf32>
}

// -----

// PT2E, input channels first; windows that overlap have the same codes.
// CHECK-LABEL: @channels_last
// CHECK: %[[W:.*]] = fptq.dequantize %{{.*}}, %{{.*}} bits(8) group_size(4) : (tensor<2x4xi8>, tensor<2x1xf32>) -> tensor<2x4xf32>
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[W]]
// CHECK: %[[E:.*]] = tensor.expand_shape %[[T]] {{\[\[}}0, 1, 2], [3]] output_shape [2, 2, 1, 2]
// CHECK: linalg.conv_2d_nhwc_hwcf {{.*}}, %[[E]]
// CHECK: linalg.conv_2d_nhwc_hwcf {{.*}}, %[[E]]
// CODES-LABEL: @channels_last
// CODES-COUNT-2: fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = stored>
// CODES-NOT: linalg.conv_2d_nhwc_hwcf
#all = affine_map<(h, w, c, f) -> (h, w, c, f)>
#last = affine_map<(h, w, c, f) -> (f)>
func.func @channels_last(%x: tensor<1x4x4x1xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x3x3x2xf32>) {
  %c = arith.constant dense<[[[[1, 99]], [[-1, -100]]], [[[0, -8]], [[-127, 0]]]]> : tensor<2x2x1x2xi8>
  %s = arith.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %e = tensor.empty() : tensor<2x2x1x2xf32>
  %w = linalg.generic {indexing_maps = [#all, #last, #all], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%c, %s : tensor<2x2x1x2xi8>, tensor<2xf32>) outs(%e : tensor<2x2x1x2xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.sitofp %0 : i32 to f32
    %2 = arith.mulf %1, %b : f32
    linalg.yield %2 : f32
  } -> tensor<2x2x1x2xf32>
  %z = arith.constant dense<0.0> : tensor<1x2x2x2xf32>
  %r = linalg.conv_2d_nhwc_hwcf {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
      ins(%x, %w : tensor<1x4x4x1xf32>, tensor<2x2x1x2xf32>) outs(%z : tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %z1 = arith.constant dense<0.0> : tensor<1x3x3x2xf32>
  %r1 = linalg.conv_2d_nhwc_hwcf {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
      ins(%x, %w : tensor<1x4x4x1xf32>, tensor<2x2x1x2xf32>) outs(%z1 : tensor<1x3x3x2xf32>) -> tensor<1x3x3x2xf32>
  return %r, %r1 : tensor<1x2x2x2xf32>, tensor<1x3x3x2xf32>
}
