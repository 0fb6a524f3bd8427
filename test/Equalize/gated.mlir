// down_proj's scale goes into the rows of up_proj: the product of a gated activation is linear in `up`.
// It never goes through the activation function, unless that is ReLU.
// RUN: fptq-opt %s --split-input-file --fptq-equalize --remarks-filter=Equalize > %t 2> %t.remarks
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>

// torch-mlir: silu and product are generics of their own, collapsed before down_proj.
// CHECK-LABEL: @silu_times_up
// CHECK: %[[ROWS:.*]] = arith.constant dense<[1.000000e+00, 5.000000e-01, 0.285714298, 1.000000e+00]> : tensor<4xf32>
// CHECK: fptq.linear %{{.*}}, %{{.*}} layer("gate_proj")
// CHECK: %[[BIAS:.*]] = arith.constant dense<[7.000000e+00, 3.500000e+00, 2.000000e+00, 7.000000e+00]> : tensor<4xf32>
// CHECK: %[[UP:.*]] = fptq.scale_channels %{{.*}}, %[[ROWS]] dim(0) : tensor<4x2xf16>
// CHECK: fptq.linear %{{.*}}, %[[UP]] bias(%[[BIAS]]) layer("up_proj")
// CHECK: fptq.scale_channels %{{.*}} dim(1) : tensor<2x4xf16>
// CHECK-NOT: fptq.scale_channels
// REMARK: "layer 'down_proj': 1/s is folded into the rows of 'up_proj'"
func.func @silu_times_up(%x: tensor<6x2xf32>) -> tensor<6x2xf32> {
  %wg = arith.constant dense<0.5> : tensor<4x2xf16>
  %wu = arith.constant dense<0.25> : tensor<4x2xf16>
  %bu = arith.constant dense<7.0> : tensor<4xf32>
  %wd = arith.constant dense<0.125> : tensor<2x4xf16>
  %one = arith.constant 1.0 : f32
  %g2 = fptq.linear %x, %wg layer("gate_proj") : (tensor<6x2xf32>, tensor<4x2xf16>) -> tensor<6x4xf32>
  %g = tensor.expand_shape %g2 [[0, 1], [2]] output_shape [2, 3, 4] : tensor<6x4xf32> into tensor<2x3x4xf32>
  %u2 = fptq.linear %x, %wu bias(%bu) layer("up_proj")
    : (tensor<6x2xf32>, tensor<4x2xf16>, tensor<4xf32>) -> tensor<6x4xf32>
  %u = tensor.expand_shape %u2 [[0, 1], [2]] output_shape [2, 3, 4] : tensor<6x4xf32> into tensor<2x3x4xf32>
  %e = tensor.empty() : tensor<2x3x4xf32>
  %sigmoid = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%g : tensor<2x3x4xf32>) outs(%e : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %n = arith.negf %a : f32
    %p = math.exp %n : f32
    %s = arith.addf %p, %one : f32
    %r = arith.divf %one, %s : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4xf32>
  %silu = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%g, %sigmoid : tensor<2x3x4xf32>, tensor<2x3x4xf32>) outs(%e : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.mulf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4xf32>
  %h = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%silu, %u : tensor<2x3x4xf32>, tensor<2x3x4xf32>) outs(%e : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.mulf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<2x3x4xf32>
  %h2 = tensor.collapse_shape %h [[0, 1], [2]] : tensor<2x3x4xf32> into tensor<6x4xf32>
  %d = fptq.linear %h2, %wd layer("down_proj") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<6x4xf32>, tensor<2x4xf16>) -> tensor<6x2xf32>
  return %d : tensor<6x2xf32>
}

// -----

// ReLU is positively homogeneous: OPT's fc1 takes the scale of fc2, in its bias too.
#id = affine_map<(d0, d1) -> (d0, d1)>

// CHECK-LABEL: @relu_of_fc1
// CHECK: fptq.scale_channels %{{.*}} dim(0) : tensor<4x2xf32>
// REMARK: "layer 'fc2': 1/s is folded into the rows of 'fc1'"
// REMARK: "layer 'fc4': 1/s is folded into the rows of 'fc3'"
func.func @relu_of_fc1(%x: tensor<?x2xf32>, %e: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w1 = arith.constant dense<0.5> : tensor<4x2xf32>
  %w2 = arith.constant dense<0.25> : tensor<2x4xf32>
  %zero = arith.constant 0.0 : f32
  %fc1 = fptq.linear %x, %w1 layer("fc1") : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %relu = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%fc1 : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %c = arith.cmpf ugt, %a, %zero : f32
    %r = arith.select %c, %a, %zero : f32
    linalg.yield %r : f32
  } -> tensor<?x4xf32>
  %fc2 = fptq.linear %relu, %w2 layer("fc2") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %fc3 = fptq.linear %x, %w1 layer("fc3") : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %max = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%fc3 : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.maximumf %zero, %a : f32
    linalg.yield %r : f32
  } -> tensor<?x4xf32>
  %fc4 = fptq.linear %max, %w2 layer("fc4") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %fc2, %fc4 : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// A clipped ReLU and GELU are not: what bends elsewhere than at zero does not scale.
// CHECK-LABEL: @gelu_of_fc1
// CHECK-NOT: dim(0)
// CHECK: fptq.scale_channels %{{.*}} dim(1) : tensor<?x4xf32>
// REMARK: Reason="(E3) another part of the same 'linalg.generic' reads it too", Remark="layer 'fc2'
// REMARK: Reason="(E2) a maximum is not linear", Remark="layer 'fc4'
// REMARK: Reason="(E3) another part of the same 'linalg.generic' reads it too", Remark="layer 'fc6'
func.func @gelu_of_fc1(%x: tensor<?x2xf32>, %e: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %w1 = arith.constant dense<0.5> : tensor<4x2xf32>
  %w2 = arith.constant dense<0.25> : tensor<2x4xf32>
  %one = arith.constant 1.0 : f32
  %half = arith.constant 0.5 : f32
  %root2 = arith.constant 1.41421354 : f32
  %zero = arith.constant 0.0 : f32
  %fc1 = fptq.linear %x, %w1 layer("fc1") : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %gelu = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%fc1 : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.divf %a, %root2 : f32
    %1 = math.erf %0 : f32
    %2 = arith.addf %1, %one : f32
    %3 = arith.mulf %2, %half : f32
    %4 = arith.mulf %a, %3 : f32
    linalg.yield %4 : f32
  } -> tensor<?x4xf32>
  %fc2 = fptq.linear %gelu, %w2 layer("fc2") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %fc3 = fptq.linear %x, %w1 layer("fc3") : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %max = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%fc3 : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.maximumf %one, %a : f32
    linalg.yield %r : f32
  } -> tensor<?x4xf32>
  %fc4 = fptq.linear %max, %w2 layer("fc4") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  // A select at another threshold than zero.
  %fc5 = fptq.linear %x, %w1 layer("fc5") : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %shrink = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%fc5 : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %c = arith.cmpf ogt, %a, %half : f32
    %r = arith.select %c, %a, %zero : f32
    linalg.yield %r : f32
  } -> tensor<?x4xf32>
  %fc6 = fptq.linear %shrink, %w2 layer("fc6") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %fc2, %fc4, %fc6 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
