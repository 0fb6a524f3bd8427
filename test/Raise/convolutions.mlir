// RUN: fptq-opt --fptq-raise --cse --split-input-file %s | FileCheck %s

// A kernel of size 1: every pixel is a row. The bias that the accumulator starts from is the linear's.
// CHECK-LABEL: @pixels
// CHECK: %[[X:.*]] = linalg.transpose ins(%arg0 : tensor<?x16x5x7xf32>) outs(%{{.*}} : tensor<?x5x7x16xf32>) permutation = [0, 2, 3, 1]
// CHECK: fptq.linear %[[X]], %{{.*}} bias(%{{.*}}) layer("stem.conv") : (tensor<?x5x7x16xf32>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<?x5x7x8xf32>
// CHECK: linalg.transpose {{.*}} permutation = [0, 3, 1, 2]
// CHECK-NOT: addf
func.func @pixels(%x: tensor<?x16x5x7xf32>) -> tensor<?x8x5x7xf32> {
  %w = arith.constant dense_resource<stem.conv.weight> : tensor<8x16x1x1xf32>
  %b = arith.constant dense_resource<stem.conv.bias> : tensor<8xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x16x5x7xf32>
  %e = tensor.empty(%n) : tensor<?x8x5x7xf32>
  %z = linalg.broadcast ins(%b : tensor<8xf32>) outs(%e : tensor<?x8x5x7xf32>) dimensions = [0, 2, 3]
  %y = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>} ins(%x, %w : tensor<?x16x5x7xf32>, tensor<8x16x1x1xf32>) outs(%z : tensor<?x8x5x7xf32>) -> tensor<?x8x5x7xf32>
  return %y : tensor<?x8x5x7xf32>
}

// -----

// A stride leaves pixels out, and what is at the end. A dilation of one element is none.
// CHECK-LABEL: @strided
// CHECK: %[[X:.*]] = tensor.extract_slice %arg0[0, 0, 0, 0] [2, 3, 3, 16] [1, 2, 3, 1]
// CHECK: fptq.linear %[[X]], %{{.*}} : (tensor<2x3x3x16xf32>, tensor<8x16xf32>) -> tensor<2x3x3x8xf32>
func.func @strided(%x: tensor<2x6x9x16xf32>, %b: tensor<8xf32>) -> tensor<2x3x3x8xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<1x1x16x8xf32>
  %z = arith.constant dense<0.0> : tensor<2x3x3x8xf32>
  %y = linalg.conv_2d_nhwc_hwcf {dilations = dense<4> : vector<2xi64>, strides = dense<[2, 3]> : vector<2xi64>} ins(%x, %w : tensor<2x6x9x16xf32>, tensor<1x1x16x8xf32>) outs(%z : tensor<2x3x3x8xf32>) -> tensor<2x3x3x8xf32>
  return %y : tensor<2x3x3x8xf32>
}

// -----

// Windows side by side are patches (ViT's stem); K is channels x kernel, as the weight has it.
// CHECK-LABEL: @patches
// CHECK: %[[S:.*]] = tensor.extract_slice %arg0[0, 0, 0, 0] [2, 3, 8, 12] [1, 1, 1, 1]
// CHECK: %[[E:.*]] = tensor.expand_shape %[[S]] {{\[}}[0], [1], [2, 3], [4, 5]] output_shape [2, 3, 2, 4, 3, 4]
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[E]] {{.*}} permutation = [0, 2, 4, 1, 3, 5]
// CHECK: %[[X:.*]] = tensor.collapse_shape %[[T]] {{\[}}[0], [1], [2], [3, 4, 5]]
// CHECK: fptq.linear %[[X]], %{{.*}} : (tensor<2x2x3x48xf32>, tensor<8x48xf32>) -> tensor<2x2x3x8xf32>
func.func @patches(%x: tensor<2x3x9x12xf32>) -> tensor<2x8x2x3xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<8x3x4x4xf32>
  %z = arith.constant dense<0.0> : tensor<2x8x2x3xf32>
  %y = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<4> : vector<2xi64>} ins(%x, %w : tensor<2x3x9x12xf32>, tensor<8x3x4x4xf32>) outs(%z : tensor<2x8x2x3xf32>) -> tensor<2x8x2x3xf32>
  return %y : tensor<2x8x2x3xf32>
}

// -----

// As many rows as the result has, of however many there are; the bias comes after the transposition, as StableHLO has it.
// CHECK-LABEL: @dynamic_length
// CHECK: %[[L:.*]] = tensor.dim %{{.*}} : tensor<2x8x?xf32>
// CHECK: tensor.extract_slice %arg0[0, 0, 0] [2, 16, %[[L]]] [1, 1, 1]
// CHECK: fptq.linear %{{.*}}, %{{.*}} bias(%{{.*}}) layer("a") : (tensor<2x?x16xf32>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<2x?x8xf32>
// CHECK-NOT: linalg.generic
func.func @dynamic_length(%x: tensor<2x16x?xf32>, %e: tensor<2x8x?xf32>) -> tensor<2x8x?xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<8x16x1xf32>
  %b = arith.constant dense_resource<a.bias> : tensor<8xf32>
  %zero = arith.constant 0.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x8x?xf32>) -> tensor<2x8x?xf32>
  %y = linalg.conv_1d_ncw_fcw {dilations = dense<1> : vector<1xi64>, strides = dense<1> : vector<1xi64>} ins(%x, %w : tensor<2x16x?xf32>, tensor<8x16x1xf32>) outs(%z : tensor<2x8x?xf32>) -> tensor<2x8x?xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(n, c, l) -> (n, c, l)>, affine_map<(n, c, l) -> (c)>, affine_map<(n, c, l) -> (n, c, l)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%y, %b : tensor<2x8x?xf32>, tensor<8xf32>) outs(%e : tensor<2x8x?xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %add = arith.addf %p, %q : f32
    linalg.yield %add : f32
  } -> tensor<2x8x?xf32>
  return %s : tensor<2x8x?xf32>
}

// -----

// One rounding instead of two, after fast-math passes; the weight is the first operand.
// CHECK-LABEL: @multiply_and_add_at_once
// CHECK: fptq.linear %arg0, %{{.*}} : (tensor<?x16xf32>, tensor<8x16xf32>) -> tensor<?x8xf32>
func.func @multiply_and_add_at_once(%x: tensor<?x16xf32>, %e: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<8x16xf32>
  %zero = arith.constant 0.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%w, %x : tensor<8x16xf32>, tensor<?x16xf32>) outs(%z : tensor<?x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %f = math.fma %q, %p, %o : f32
    linalg.yield %f : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: @the_sum_is_a_factor
// CHECK-NOT: fptq.linear
func.func @the_sum_is_a_factor(%x: tensor<?x16xf32>, %z: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<8x16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%w, %x : tensor<8x16xf32>, tensor<?x16xf32>) outs(%z : tensor<?x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %f = math.fma %q, %o, %p : f32
    linalg.yield %f : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// The number of channels is open in the input's type, and known from the weight; so is the result's.
// CHECK-LABEL: @open_channels
// CHECK: %[[X:.*]] = tensor.cast %{{.*}} : tensor<2x3x?xf32> to tensor<2x3x48xf32>
// CHECK: %[[Y:.*]] = fptq.linear %[[X]], %{{.*}} : (tensor<2x3x48xf32>, tensor<8x48xf32>) -> tensor<2x3x8xf32>
// CHECK: tensor.cast %{{.*}} : tensor<2x8x3xf32> to tensor<2x?x3xf32>
func.func @open_channels(%x: tensor<2x?x12xf32>, %z: tensor<2x?x3xf32>) -> tensor<2x?x3xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<8x12x4xf32>
  %y = linalg.conv_1d_ncw_fcw {dilations = dense<1> : vector<1xi64>, strides = dense<4> : vector<1xi64>} ins(%x, %w : tensor<2x?x12xf32>, tensor<8x12x4xf32>) outs(%z : tensor<2x?x3xf32>) -> tensor<2x?x3xf32>
  return %y : tensor<2x?x3xf32>
}

// -----

// Windows that overlap are copied, channels last: K is kernel x channels, of weight and input alike. The transposition goes
// inside of the padding, where it meets the one behind the layer before.
// CHECK-DAG: #[[IN:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1 * 2 + d3, d2 * 2 + d4 * 3, d5)>
// CHECK-LABEL: @overlapping
// CHECK: %[[W:.*]] = linalg.transpose ins(%{{.*}} : tensor<8x16x3x2xf32>) {{.*}} permutation = [0, 2, 3, 1]
// CHECK: %[[WM:.*]] = tensor.collapse_shape %[[W]] {{\[}}[0], [1, 2, 3]] : tensor<8x3x2x16xf32> into tensor<8x96xf32>
// CHECK: %[[T:.*]] = linalg.transpose ins(%arg0 : tensor<?x16x9x12xf32>) {{.*}} permutation = [0, 2, 3, 1]
// CHECK: %[[P:.*]] = tensor.pad %[[T]] low[0, 1, 1, 0] high[0, 1, 2, 0]
// CHECK: %[[X:.*]] = linalg.generic {indexing_maps = [#[[IN]], #{{.*}}]{{.*}} ins(%[[P]] : tensor<?x11x15x16xf32>) outs(%{{.*}} : tensor<?x5x6x3x2x16xf32>)
// CHECK: %[[XM:.*]] = tensor.collapse_shape %[[X]] {{\[}}[0], [1], [2], [3, 4, 5]] : tensor<?x5x6x3x2x16xf32> into tensor<?x5x6x96xf32>
// CHECK: fptq.linear %[[XM]], %[[WM]] layer("a") : (tensor<?x5x6x96xf32>, tensor<8x96xf32>) -> tensor<?x5x6x8xf32>
// CHECK: linalg.transpose {{.*}} permutation = [0, 3, 1, 2]
func.func @overlapping(%x: tensor<?x16x9x12xf32>, %e: tensor<?x8x5x6xf32>) -> tensor<?x8x5x6xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<8x16x3x2xf32>
  %zero = arith.constant 0.0 : f32
  %p = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 1, 2] {
  ^bb0(%i0: index, %i1: index, %i2: index, %i3: index):
    tensor.yield %zero : f32
  } : tensor<?x16x9x12xf32> to tensor<?x16x11x15xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x8x5x6xf32>) -> tensor<?x8x5x6xf32>
  %y = linalg.conv_2d_nchw_fchw {dilations = dense<[1, 3]> : vector<2xi64>, strides = dense<2> : vector<2xi64>} ins(%p, %w : tensor<?x16x11x15xf32>, tensor<8x16x3x2xf32>) outs(%z : tensor<?x8x5x6xf32>) -> tensor<?x8x5x6xf32>
  return %y : tensor<?x8x5x6xf32>
}

// -----

// Codes keep the order of K that their groups have.
// CHECK-LABEL: @codes
// CHECK: %[[W:.*]] = fptq.dequantize
// CHECK: linalg.generic {{.*}} ins(%arg0 : tensor<1x16x9xf32>) outs(%{{.*}} : tensor<1x7x16x3xf32>)
// CHECK: fptq.linear %{{.*}}, %[[W]] {{.*}} : (tensor<1x7x48xf32>, tensor<8x48xf32>) -> tensor<1x7x8xf32>
func.func @codes(%x: tensor<1x16x9xf32>) -> tensor<1x8x7xf32> {
  %c = arith.constant dense<3> : tensor<8x24xi8>
  %s = arith.constant dense<0.5> : tensor<8x3xf32>
  %d = fptq.dequantize %c, %s bits(4) group_size(16) : (tensor<8x24xi8>, tensor<8x3xf32>) -> tensor<8x48xf32>
  %w = tensor.expand_shape %d [[0], [1, 2]] output_shape [8, 16, 3] : tensor<8x48xf32> into tensor<8x16x3xf32>
  %z = arith.constant dense<0.0> : tensor<1x8x7xf32>
  %y = linalg.conv_1d_ncw_fcw {dilations = dense<1> : vector<1xi64>, strides = dense<1> : vector<1xi64>} ins(%x, %w : tensor<1x16x9xf32>, tensor<8x16x3xf32>) outs(%z : tensor<1x8x7xf32>) -> tensor<1x8x7xf32>
  return %y : tensor<1x8x7xf32>
}

// -----

// Zeros that stand in the padding's own body, before anything has moved them out.
// CHECK-LABEL: @zeros_in_the_padding
// CHECK: %[[T:.*]] = linalg.transpose ins(%arg0 : tensor<1x16x9xf32>)
// CHECK: tensor.pad %[[T]] low[0, 1, 0] high[0, 1, 0]
// CHECK: fptq.linear {{.*}} -> tensor<1x9x8xf32>
func.func @zeros_in_the_padding(%x: tensor<1x16x9xf32>) -> tensor<1x8x9xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<8x16x3xf32>
  %p = tensor.pad %x low[0, 0, 1] high[0, 0, 1] {
  ^bb0(%i0: index, %i1: index, %i2: index):
    %zero = arith.constant 0.0 : f32
    tensor.yield %zero : f32
  } : tensor<1x16x9xf32> to tensor<1x16x11xf32>
  %z = arith.constant dense<0.0> : tensor<1x8x9xf32>
  %y = linalg.conv_1d_ncw_fcw {dilations = dense<1> : vector<1xi64>, strides = dense<1> : vector<1xi64>} ins(%p, %w : tensor<1x16x11xf32>, tensor<8x16x3xf32>) outs(%z : tensor<1x8x9xf32>) -> tensor<1x8x9xf32>
  return %y : tensor<1x8x9xf32>
}
