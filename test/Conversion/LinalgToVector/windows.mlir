// RUN: fptq-opt --pass-pipeline='builtin.module(func.func(fptq-tile-for-vectors{accumulators=384}),canonicalize,func.func(fptq-tile-reductions),canonicalize,func.func(fptq-vectorize-linalg),canonicalize,func.func(loop-invariant-subset-hoisting),canonicalize)' %s | FileCheck %s
// RUN: fptq-opt --pass-pipeline='builtin.module(func.func(fptq-tile-for-vectors{parallel-min=1000}))' %s | FileCheck %s --check-prefix=THREADS

// Reductions along several loops: vectors of columns, rows of the result as far as registers are left, and loops over the
// window around them whose sums stay in registers.

// Channels first: the loops are those of the result, of which upstream has the channels last. 14 rows are twice 7.
// CHECK-LABEL: @depthwise
// CHECK: scf.for %{{.*}} to %c16
// CHECK: scf.for %{{.*}} step %c7
// CHECK: scf.for {{.*}} -> (vector<7x14xf32>)
// CHECK-NEXT: scf.for {{.*}} -> (vector<7x14xf32>)
// CHECK: vector.transfer_read %{{.*}} : tensor<1x16x16x16xf32>, vector<7x14xf32>
// CHECK: arith.addf %{{.*}} : vector<7x14xf32>
// CHECK-NOT: linalg
// THREADS-LABEL: @depthwise
// THREADS: scf.forall (%{{.*}}) = (0) to (16) step (2)
func.func @depthwise(%x: tensor<1x16x16x16xf32>, %w: tensor<16x3x3xf32>) -> tensor<1x16x14x14xf32> {
  %c = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x16x14x14xf32>
  %z = linalg.fill ins(%c : f32) outs(%e : tensor<1x16x14x14xf32>) -> tensor<1x16x14x14xf32>
  %y = linalg.depthwise_conv_2d_nchw_chw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%x, %w : tensor<1x16x16x16xf32>, tensor<16x3x3xf32>) outs(%z : tensor<1x16x14x14xf32>) -> tensor<1x16x14x14xf32>
  return %y : tensor<1x16x14x14xf32>
}

// Channels last: vectors run along them. What is left of rows has whole vectors, too.
// CHECK-LABEL: @channels_last
// CHECK: vector<7x16xf32>
// CHECK: vector<7x5xf32>
// CHECK: vector<6x16xf32>
// CHECK: vector<6x5xf32>
// CHECK-NOT: linalg
func.func @channels_last(%x: tensor<1x1x13x21xf32>, %w: tensor<1x1x21xf32>, %z: tensor<1x1x13x21xf32>) -> tensor<1x1x13x21xf32> {
  %y = linalg.depthwise_conv_2d_nhwc_hwc {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%x, %w : tensor<1x1x13x21xf32>, tensor<1x1x21xf32>) outs(%z : tensor<1x1x13x21xf32>) -> tensor<1x1x13x21xf32>
  return %y : tensor<1x1x13x21xf32>
}

// Rows of a whole convolution are the output channels, which share what they read.
// CHECK-LABEL: @groups
// CHECK: scf.for {{.*}} -> (vector<8x16xf32>)
// CHECK: vector.transfer_read %{{.*}} : tensor<1x2x3x8x18xf32>, vector<8x16xf32>
func.func @groups(%x: tensor<1x2x3x8x18xf32>, %w: tensor<2x16x3x3x3xf32>, %z: tensor<1x2x16x6x16xf32>) -> tensor<1x2x16x6x16xf32> {
  %y = linalg.conv_2d_ngchw_gfchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%x, %w : tensor<1x2x3x8x18xf32>, tensor<2x16x3x3x3xf32>) outs(%z : tensor<1x2x16x6x16xf32>) -> tensor<1x2x16x6x16xf32>
  return %y : tensor<1x2x16x6x16xf32>
}

// Columns two apart: all in between are read, and every second kept.
// CHECK-LABEL: @strided
// CHECK: scf.for {{.*}} -> (vector<6xf32>)
// CHECK: %[[ALL:.*]] = vector.transfer_read %{{.*}} : tensor<1x3x13x13xf32>, vector<11xf32>
// CHECK: %[[KEPT:.*]] = vector.shuffle %[[ALL]], %[[ALL]] [0, 2, 4, 6, 8, 10]
// CHECK: arith.maximumf %{{.*}}, %[[KEPT]] : vector<6xf32>
func.func @strided(%x: tensor<1x3x13x13xf32>, %z: tensor<1x3x6x6xf32>) -> tensor<1x3x6x6xf32> {
  %w = tensor.empty() : tensor<3x3xf32>
  %y = linalg.pooling_nchw_max {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%x, %w : tensor<1x3x13x13xf32>, tensor<3x3xf32>) outs(%z : tensor<1x3x6x6xf32>) -> tensor<1x3x6x6xf32>
  return %y : tensor<1x3x6x6xf32>
}

// Farther apart than is worth reading what is in between: loops, as they were.
// CHECK-LABEL: @far_apart
// CHECK: linalg.generic
// CHECK-NOT: vector
func.func @far_apart(%x: tensor<1x300x9x33xf32>, %z: tensor<1x300x7x6xf32>) -> tensor<1x300x7x6xf32> {
  %w = tensor.empty() : tensor<3x3xf32>
  %y = linalg.pooling_nchw_max {dilations = dense<1> : vector<2xi64>, strides = dense<[1, 6]> : vector<2xi64>}
    ins(%x, %w : tensor<1x300x9x33xf32>, tensor<3x3xf32>) outs(%z : tensor<1x300x7x6xf32>) -> tensor<1x300x7x6xf32>
  return %y : tensor<1x300x7x6xf32>
}
