// The scales of a convolution's input channels, one for all places of its window, go up through the copy of windows, the
// padding with zeros, ReLU and the transposition, into the rows of the convolution before.
// RUN: fptq-opt %s --split-input-file --fptq-equalize --remarks-filter=Equalize > %t 2> %t.remarks
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

#id = affine_map<(n, w, c) -> (n, w, c)>
#window = affine_map<(n, w, k, c) -> (n, w + k, c)>
#rows = affine_map<(n, w, k, c) -> (n, w, k, c)>

// Channels 2 and 14 at their largest in either place of the window: as (2, 6, 14, 0) would have it in four channels.
// CHECK-LABEL: @two_convolutions
// CHECK: %[[BIAS:.*]] = arith.constant dense<[7.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK: fptq.linear %{{.*}}, %{{.*}} bias(%[[BIAS]]) layer("conv1")
// CHECK: tensor.pad
// CHECK: %[[W:.*]] = fptq.scale_channels %{{.*}} dim(1) : tensor<3x4xf32>
// CHECK: fptq.linear %{{.*}}, %[[W]] layer("conv2")
// REMARK: "layer 'conv2': 1/s is folded into the rows of 'conv1'"
func.func @two_convolutions(%x: tensor<1x5x8xf32>) -> tensor<1x6x3xf32> {
  %w1 = arith.constant dense<0.5> : tensor<2x8xf32>
  %b1 = arith.constant dense<7.0> : tensor<2xf32>
  %w2 = arith.constant dense<0.25> : tensor<3x4xf32>
  %zero = arith.constant 0.0 : f32
  %y = fptq.linear %x, %w1 bias(%b1) layer("conv1") : (tensor<1x5x8xf32>, tensor<2x8xf32>, tensor<2xf32>) -> tensor<1x5x2xf32>
  %e = tensor.empty() : tensor<1x5x2xf32>
  %relu = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%y : tensor<1x5x2xf32>) outs(%e : tensor<1x5x2xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.maximumf %a, %zero : f32
    linalg.yield %r : f32
  } -> tensor<1x5x2xf32>
  %p = tensor.pad %relu low[0, 1, 0] high[0, 1, 0] {
  ^bb0(%i0: index, %i1: index, %i2: index):
    tensor.yield %zero : f32
  } : tensor<1x5x2xf32> to tensor<1x7x2xf32>
  %we = tensor.empty() : tensor<1x6x2x2xf32>
  %windows = linalg.generic {indexing_maps = [#window, #rows], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%p : tensor<1x7x2xf32>) outs(%we : tensor<1x6x2x2xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<1x6x2x2xf32>
  %rows = tensor.collapse_shape %windows [[0], [1], [2, 3]] : tensor<1x6x2x2xf32> into tensor<1x6x4xf32>
  %z = fptq.linear %rows, %w2 layer("conv2") {
    channel_absmax = dense<[2.0, 6.0, 0.5, 14.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<1x6x4xf32>, tensor<3x4xf32>) -> tensor<1x6x3xf32>
  return %z : tensor<1x6x3xf32>
}

// -----

// REMARK: (E2) 'tensor.pad' adds something else than zeros
func.func @padded_with_ones(%x: tensor<5x8xf32>) -> tensor<6x3xf32> {
  %w1 = arith.constant dense<0.5> : tensor<2x8xf32>
  %w2 = arith.constant dense<0.25> : tensor<3x2xf32>
  %one = arith.constant 1.0 : f32
  %y = fptq.linear %x, %w1 layer("a") : (tensor<5x8xf32>, tensor<2x8xf32>) -> tensor<5x2xf32>
  %p = tensor.pad %y low[0, 0] high[1, 0] {
  ^bb0(%i0: index, %i1: index):
    tensor.yield %one : f32
  } : tensor<5x2xf32> to tensor<6x2xf32>
  %z = fptq.linear %p, %w2 layer("b") {
    channel_absmax = dense<[2.0, 14.0]> : tensor<2xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<6x2xf32>, tensor<3x2xf32>) -> tensor<6x3xf32>
  return %z : tensor<6x3xf32>
}

// -----

// REMARK: (E2) 'tensor.pad' adds channels
func.func @padded_channels(%x: tensor<5x8xf32>) -> tensor<5x3xf32> {
  %w1 = arith.constant dense<0.5> : tensor<2x8xf32>
  %w2 = arith.constant dense<0.25> : tensor<3x3xf32>
  %zero = arith.constant 0.0 : f32
  %y = fptq.linear %x, %w1 layer("a") : (tensor<5x8xf32>, tensor<2x8xf32>) -> tensor<5x2xf32>
  %p = tensor.pad %y low[0, 1] high[0, 0] {
  ^bb0(%i0: index, %i1: index):
    tensor.yield %zero : f32
  } : tensor<5x2xf32> to tensor<5x3xf32>
  %z = fptq.linear %p, %w2 layer("b") {
    channel_absmax = dense<[0.0, 2.0, 14.0]> : tensor<3xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<5x3xf32>, tensor<3x3xf32>) -> tensor<5x3xf32>
  return %z : tensor<5x3xf32>
}
