// A model's own quantization of a linear's input is the linear's policy.
// RUN: fptq-opt %s --fptq-import-quant --canonicalize --fptq-raise -split-input-file | FileCheck %s
// RUN: fptq-opt %s --fptq-quantize-pipeline="group-size=4 strict=false" -split-input-file | FileCheck %s --check-prefix=SCALE
// RUN: fptq-opt %s --fptq-quantize-pipeline="group-size=4 policy=per-token strict=false" -split-input-file | FileCheck %s --check-prefix=TOKEN

// !quant types, through a reshape; half of the weights are codes too.
// CHECK-LABEL: @types
// CHECK: fptq.linear %{{.*}}, %{{.*}} layer("a") {policy = #fptq.policy<static, "the model quantizes its input with scale 0.3">
// CHECK-SAME: range = #fptq.range<min = {{-38.*}}, max = {{38.*}}, absmax = {{38.*}}, tokens = 0>}
// SCALE-LABEL: @types
// SCALE: %[[S:.*]] = arith.constant 3.000000e-01 : f32
// SCALE: fptq.quantize_activations {{.*}} static_scale(%[[S]])
// SCALE: fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = stored>
// TOKEN-LABEL: @types
// TOKEN-NOT: static_scale
// TOKEN: return
!a = !quant.uniform<i8:f32, 0.3>
!w = !quant.uniform<i4:f32:0, {0.5, 0.25}>
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @types(%x: tensor<1x3x4xf32>) -> tensor<3x2xf32> {
  %e = tensor.empty() : tensor<1x3x4xf32>
  %n = linalg.exp ins(%x : tensor<1x3x4xf32>) outs(%e : tensor<1x3x4xf32>) -> tensor<1x3x4xf32> // made by an elementwise op
  %q = quant.qcast %n : tensor<1x3x4xf32> to tensor<1x3x4x!a>
  %d = quant.dcast %q : tensor<1x3x4x!a> to tensor<1x3x4xf32>
  %c = tensor.collapse_shape %d [[0, 1], [2]] : tensor<1x3x4xf32> into tensor<3x4xf32>
  %i = arith.constant {fptq.name = "a.weight"} dense<[[1, 3, -1, 1], [0, -8, -1, 0]]> : tensor<2x4xi4>
  %wq = quant.scast %i : tensor<2x4xi4> to tensor<2x4x!w>
  %f = quant.dcast %wq : tensor<2x4x!w> to tensor<2x4xf32>
  %z = arith.constant dense<0.0> : tensor<3x2xf32>
  %r = linalg.matmul indexing_maps = [#x, #w, #y] ins(%c, %f : tensor<3x4xf32>, tensor<2x4xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// -----

// PT2E through torch-mlir: times 1/scale, clamp by selects, through i8; used by something else as well.
// CHECK-LABEL: @pt2e
// CHECK: linalg.generic
// CHECK: %[[D:.*]] = linalg.generic
// CHECK: fptq.linear %arg0, %{{.*}} layer("b") {policy = #fptq.policy<static, "the model quantizes its input with scale 0.25">
// CHECK: return %{{.*}}, %[[D]]
// SCALE-LABEL: @pt2e
// SCALE: static_scale
#id = affine_map<(a, b) -> (a, b)>
func.func @pt2e(%x: tensor<3x4xf32>) -> (tensor<3x2xf32>, tensor<3x4xf32>) {
  %four = arith.constant 4.0 : f32
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %scale = arith.constant 0.25 : f32
  %zero = arith.constant 0 : i32
  %ei = tensor.empty() : tensor<3x4xi8>
  %q = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<3x4xf32>) outs(%ei : tensor<3x4xi8>) {
  ^bb0(%a: f32, %o: i8):
    %0 = arith.mulf %a, %four : f32
    %1 = math.roundeven %0 : f32
    %2 = arith.cmpf ult, %1, %low : f32
    %3 = arith.select %2, %low, %1 : f32
    %4 = arith.cmpf ugt, %3, %high : f32
    %5 = arith.select %4, %high, %3 : f32
    %6 = arith.fptosi %5 : f32 to i8
    linalg.yield %6 : i8
  } -> tensor<3x4xi8>
  %ef = tensor.empty() : tensor<3x4xf32>
  %d = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%q : tensor<3x4xi8>) outs(%ef : tensor<3x4xf32>) {
  ^bb0(%a: i8, %o: f32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.subi %0, %zero : i32
    %2 = arith.sitofp %1 : i32 to f32
    %3 = arith.mulf %2, %scale : f32
    linalg.yield %3 : f32
  } -> tensor<3x4xf32>
  %w = arith.constant {fptq.name = "b.weight"} dense<1.5> : tensor<4x2xf32>
  %z = arith.constant dense<0.0> : tensor<3x2xf32>
  %r = linalg.matmul ins(%d, %w : tensor<3x4xf32>, tensor<4x2xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r, %d : tensor<3x2xf32>, tensor<3x4xf32>
}

// -----

// A zero point: only the range is kept. 16 bits: nothing is.
// CHECK-LABEL: @asymmetric
// CHECK: fptq.linear %{{.*}} layer("c") {range = #fptq.range<min = -2.000000e+02, max = 2.000000e+02, absmax = 2.000000e+02, tokens = 0>}
// CHECK: fptq.linear %{{.*}} layer("d") :
// SCALE-LABEL: @asymmetric
// TOKEN-LABEL: @asymmetric
func.func @asymmetric(%x: tensor<3x4xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %q = quant.qcast %x : tensor<3x4xf32> to tensor<3x4x!quant.uniform<u8:f32, 1.0:200>>
  %d = quant.dcast %q : tensor<3x4x!quant.uniform<u8:f32, 1.0:200>> to tensor<3x4xf32>
  %w = arith.constant {fptq.name = "c.weight"} dense<1.5> : tensor<4x2xf32>
  %z = arith.constant dense<0.0> : tensor<3x2xf32>
  %r = linalg.matmul ins(%d, %w : tensor<3x4xf32>, tensor<4x2xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  %q1 = quant.qcast %x : tensor<3x4xf32> to tensor<3x4x!quant.uniform<i16:f32, 1.0>>
  %d1 = quant.dcast %q1 : tensor<3x4x!quant.uniform<i16:f32, 1.0>> to tensor<3x4xf32>
  %w1 = arith.constant {fptq.name = "d.weight"} dense<2.5> : tensor<4x2xf32>
  %r1 = linalg.matmul ins(%d1, %w1 : tensor<3x4xf32>, tensor<4x2xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r, %r1 : tensor<3x2xf32>, tensor<3x2xf32>
}

// -----

// What is too large becomes the lowest code, not the highest: a choice by a bound, but no clamp.
// CHECK-LABEL: @no_clamp
// CHECK: fptq.linear %{{.*}} layer("e") :
// SCALE-LABEL: @no_clamp
// SCALE-NOT: static_scale
// TOKEN-LABEL: @no_clamp
#id = affine_map<(a, b) -> (a, b)>
func.func @no_clamp(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  %scale = arith.constant 0.25 : f32
  %e = tensor.empty() : tensor<3x4xf32>
  %d = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<3x4xf32>) outs(%e : tensor<3x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.divf %a, %scale : f32
    %1 = math.roundeven %0 : f32
    %2 = arith.maximumf %1, %low : f32
    %3 = arith.cmpf ogt, %2, %high : f32
    %4 = arith.select %3, %low, %2 : f32
    %5 = arith.minimumf %4, %high : f32
    %6 = arith.mulf %5, %scale : f32
    linalg.yield %6 : f32
  } -> tensor<3x4xf32>
  %w = arith.constant {fptq.name = "e.weight"} dense<1.5> : tensor<4x2xf32>
  %z = arith.constant dense<0.0> : tensor<3x2xf32>
  %r = linalg.matmul ins(%d, %w : tensor<3x4xf32>, tensor<4x2xf32>) outs(%z : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// -----

// Through the padding and the copy of windows of a convolution.
// CHECK-LABEL: @convolution
// CHECK: fptq.linear %{{.*}} layer("f") {policy = #fptq.policy<static, "the model quantizes its input with scale 0.5">
// SCALE-LABEL: @convolution
// SCALE: static_scale
// TOKEN-LABEL: @convolution
!x = !quant.uniform<i8<-127:127>:f32, 0.5>
func.func @convolution(%x: tensor<1x3x8xf32>) -> tensor<1x2x8xf32> {
  %zero = arith.constant 0.0 : f32
  %q = quant.qcast %x : tensor<1x3x8xf32> to tensor<1x3x8x!x>
  %d = quant.dcast %q : tensor<1x3x8x!x> to tensor<1x3x8xf32>
  %p = tensor.pad %d low[0, 0, 1] high[0, 0, 1] {
  ^bb0(%i0: index, %i1: index, %i2: index):
    tensor.yield %zero : f32
  } : tensor<1x3x8xf32> to tensor<1x3x10xf32>
  %w = arith.constant {fptq.name = "f.weight"} dense<1.5> : tensor<2x3x3xf32>
  %z = arith.constant dense<0.0> : tensor<1x2x8xf32>
  %r = linalg.conv_1d_ncw_fcw {dilations = dense<1> : vector<1xi64>, strides = dense<1> : vector<1xi64>}
      ins(%p, %w : tensor<1x3x10xf32>, tensor<2x3x3xf32>) outs(%z : tensor<1x2x8xf32>) -> tensor<1x2x8xf32>
  return %r : tensor<1x2x8xf32>
}
