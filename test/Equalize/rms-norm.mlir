// The scale goes into gamma, however a frontend spells the RMSNorm.
// RUN: printf '\110\0\0\0\0\0\0\0{"model.norm.weight":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}} \0\0\0\101\0\0\0\101\0\0\0\101\0\0\0\101' > %t.safetensors
// RUN: sed s,PARAMETERS,%t.safetensors, %s > %t.mlir
// RUN: fptq-opt %t.mlir --split-input-file --fptq-equalize --remarks-filter=Equalize > %t.out 2> %t.remarks
// RUN: FileCheck %s < %t.out
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// Throughout: channel_absmax 2, 6, 14, 0, hence s = 2/log2(4), 6/log2(8), 14/log2(16), 1 = 1, 2, 3.5, 1.

#row = affine_map<(d0, d1) -> (d0, d1)>
#token = affine_map<(d0, d1) -> (d0)>
#channel = affine_map<(d0, d1) -> (d1)>

// Our importer and HF. The largest maximum of q and k decides; k's own maxima are smaller.
// CHECK-LABEL: @gamma_is_the_first_operand
// CHECK-DAG: %[[S:.*]] = arith.constant dense<[1.000000e+00, 2.000000e+00, 3.500000e+00, 1.000000e+00]> : tensor<4xf32>
// CHECK-DAG: %[[GAMMA:.*]] = arith.constant dense<[7.000000e+00, 3.500000e+00, 2.000000e+00, 7.000000e+00]> : tensor<4xf32>
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%[[GAMMA]], %{{.*}} : tensor<4xf32>, tensor<?x4xf32>)
// CHECK: %[[QW:.*]] = fptq.scale_channels %{{.*}}, %[[S]] dim(1) : tensor<3x4xf32>
// CHECK: fptq.linear %[[Y]], %[[QW]] layer("q")
// CHECK-SAME: channel_absmax = dense<[2.000000e+00, 3.000000e+00, 4.000000e+00, 0.000000e+00]> : tensor<4xf32>
// CHECK-SAME: range = #fptq.range<min = -4.000000e+00, max = 4.000000e+00, absmax = 4.000000e+00, tokens = 9>
// CHECK: %[[KW:.*]] = fptq.scale_channels %{{.*}}, %[[S]] dim(1) : tensor<2x4xf32>
// CHECK: fptq.linear %[[Y]], %[[KW]] layer("k")
// CHECK-SAME: channel_absmax = dense<[1.000000e+00, 3.000000e+00, 2.000000e+00, 0.000000e+00]> : tensor<4xf32>
// REMARK: [Passed] Equalized | Category:Equalize{{.*}}"layer 'q': 1/s is folded into 'input_norm'", equalized_range=4.000000e+00, folded=true, layer=q, range=1.400000e+01
// REMARK: [Passed] Equalized | Category:Equalize{{.*}}"layer 'k': 1/s is folded into 'input_norm'"
func.func @gamma_is_the_first_operand(%x: tensor<?x4xf32>, %r: tensor<?xf32>, %e: tensor<?x4xf32>)
    -> (tensor<?x3xf32>, tensor<?x2xf32>) {
  %gamma = arith.constant {fptq.name = "input_norm"} dense<7.0> : tensor<4xf32>
  %wq = arith.constant dense<0.5> : tensor<3x4xf32>
  %wk = arith.constant dense<0.25> : tensor<2x4xf32>
  %n = linalg.generic {indexing_maps = [#row, #token, #row], iterator_types = ["parallel", "parallel"]}
      ins(%x, %r : tensor<?x4xf32>, tensor<?xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<?x4xf32>
  %y = linalg.generic {indexing_maps = [#channel, #row, #row], iterator_types = ["parallel", "parallel"]}
      ins(%gamma, %n : tensor<4xf32>, tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<?x4xf32>
  %q = fptq.linear %y, %wq layer("q") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">,
    range = #fptq.range<min = -14.0, max = 13.0, absmax = 14.0, tokens = 9>
  } : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  %k = fptq.linear %y, %wk layer("k") {
    channel_absmax = dense<[1.0, 6.0, 7.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %q, %k : tensor<?x3xf32>, tensor<?x2xf32>
}

// -----

// Llama in f16: the norm is f32, gamma is f16 and multiplied after truncf. torch-mlir collapses the
// batch below the norm, once a layer.
#row = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#channel = affine_map<(d0, d1, d2) -> (d2)>

// CHECK-LABEL: @half_gamma_is_the_second_operand
// CHECK: %[[GAMMA:.*]] = arith.constant dense<[1.000000e+00, 5.000000e-01, 2.856450e-01, 1.000000e+00]> : tensor<4xf16>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[GAMMA]] : tensor<1x8x4xf16>, tensor<4xf16>)
// CHECK-COUNT-2: fptq.scale_channels %{{.*}} dim(1) : tensor<3x4xf16>
// CHECK-NOT: fptq.scale_channels
// REMARK: Remark="layer 'gate': 1/s is folded into a constant", folded=true, layer=gate, note="a constant is rounded to f16 once more"
// REMARK: Remark="layer 'up': 1/s is folded into a constant"
func.func @half_gamma_is_the_second_operand(%x: tensor<1x8x4xf32>) -> (tensor<8x3xf16>, tensor<8x3xf16>) {
  %gamma = arith.constant dense<1.0> : tensor<4xf16>
  %w = arith.constant dense<0.5> : tensor<3x4xf16>
  %e = tensor.empty() : tensor<1x8x4xf16>
  %h = linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x8x4xf32>) outs(%e : tensor<1x8x4xf16>) {
  ^bb0(%a: f32, %o: f16):
    %t = arith.truncf %a : f32 to f16
    linalg.yield %t : f16
  } -> tensor<1x8x4xf16>
  %y = linalg.generic {indexing_maps = [#row, #channel, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%h, %gamma : tensor<1x8x4xf16>, tensor<4xf16>) outs(%e : tensor<1x8x4xf16>) {
  ^bb0(%a: f16, %b: f16, %o: f16):
    %m = arith.mulf %a, %b : f16
    linalg.yield %m : f16
  } -> tensor<1x8x4xf16>
  %c0 = tensor.collapse_shape %y [[0, 1], [2]] : tensor<1x8x4xf16> into tensor<8x4xf16>
  %gate = fptq.linear %c0, %w layer("gate") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<8x4xf16>, tensor<3x4xf16>) -> tensor<8x3xf16>
  %c1 = tensor.collapse_shape %y [[0, 1], [2]] : tensor<1x8x4xf16> into tensor<8x4xf16>
  %up = fptq.linear %c1, %w layer("up") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<8x4xf16>, tensor<3x4xf16>) -> tensor<8x3xf16>
  return %gate, %up : tensor<8x3xf16>, tensor<8x3xf16>
}

// -----

// IREE and jax broadcast gamma by a generic of its own. Two norms with equal gammas share it after CSE,
// so the one that is folded takes a copy.
#row = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#channel = affine_map<(d0, d1, d2) -> (d2)>
#unit = affine_map<(d0, d1, d2) -> (d0, 0, d2)>

// CHECK-LABEL: @gamma_is_broadcast_and_shared
// CHECK: %[[OLD:.*]] = arith.constant dense<2.000000e+00> : tensor<4xf32>
// CHECK: linalg.generic {{.*}} ins(%[[OLD]] : tensor<4xf32>)
// CHECK: %[[NEW:.*]] = arith.constant dense<{{\[\[\[}}2.000000e+00, 1.000000e+00, 0.571428597, 2.000000e+00]]]> : tensor<1x1x4xf32>
// CHECK: %[[B1:.*]] = linalg.generic {{.*}} ins(%[[NEW]] : tensor<1x1x4xf32>) outs(%{{.*}} : tensor<1x8x4xf32>)
// CHECK: %[[B2:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<1x1x4xf32>) outs(%{{.*}} : tensor<1x8x4xf32>)
// CHECK: %[[Y:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[B1]] : tensor<1x8x4xf32>, tensor<1x8x4xf32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[B2]] : tensor<1x8x4xf32>, tensor<1x8x4xf32>)
// CHECK: fptq.linear %[[Y]], %{{.*}} layer("q")
// REMARK: Remark="layer 'q': 1/s is folded into a constant"
func.func @gamma_is_broadcast_and_shared(%n: tensor<1x8x4xf32>, %other: tensor<1x8x4xf32>)
    -> (tensor<1x8x3xf32>, tensor<1x8x4xf32>) {
  %gamma = arith.constant dense<2.0> : tensor<4xf32>
  %w = arith.constant dense<0.5> : tensor<3x4xf32>
  %e0 = tensor.empty() : tensor<1x1x4xf32>
  %e1 = tensor.empty() : tensor<1x8x4xf32>
  %b0 = linalg.generic {indexing_maps = [#channel, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%gamma : tensor<4xf32>) outs(%e0 : tensor<1x1x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<1x1x4xf32>
  %b1 = linalg.generic {indexing_maps = [#unit, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%b0 : tensor<1x1x4xf32>) outs(%e1 : tensor<1x8x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  } -> tensor<1x8x4xf32>
  %y = linalg.generic {indexing_maps = [#row, #row, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%n, %b1 : tensor<1x8x4xf32>, tensor<1x8x4xf32>) outs(%e1 : tensor<1x8x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<1x8x4xf32>
  %y2 = linalg.generic {indexing_maps = [#row, #row, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%other, %b1 : tensor<1x8x4xf32>, tensor<1x8x4xf32>) outs(%e1 : tensor<1x8x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<1x8x4xf32>
  %q = fptq.linear %y, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<1x8x4xf32>, tensor<3x4xf32>) -> tensor<1x8x3xf32>
  return %q, %y2 : tensor<1x8x3xf32>, tensor<1x8x4xf32>
}

// -----

// After linalg-fuse-elementwise-ops the whole norm is one body; eps is truncated inside. jax stacks the
// gammas of all layers: the slice becomes a constant of its own.
#row = affine_map<(d0, d1) -> (d0, d1)>
#token = affine_map<(d0, d1) -> (d0)>
#channel = affine_map<(d0, d1) -> (d1)>

// CHECK-LABEL: @norm_is_fused_and_gamma_is_a_slice
// CHECK: %[[GAMMA:.*]] = arith.constant dense<[3.000000e+00, 2.000000e+00, 1.71428573, 9.000000e+00]> : tensor<4xf32>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}}, %[[GAMMA]] : tensor<?x4xf32>, tensor<?xf32>, tensor<4xf32>)
// CHECK: fptq.scale_channels %{{.*}} dim(1) : tensor<3x4xf32>
// CHECK-NOT: fptq.scale_channels
// REMARK: Remark="layer 'q': 1/s is folded into 'norms'"
func.func @norm_is_fused_and_gamma_is_a_slice(%x: tensor<?x4xf32>, %sum: tensor<?xf32>, %e: tensor<?x4xf32>)
    -> tensor<?x3xf32> {
  %gammas = arith.constant {fptq.name = "norms"} dense<[[1.0, 1.0, 1.0, 1.0], [3.0, 4.0, 6.0, 9.0]]> : tensor<2x4xf32>
  %w = arith.constant dense<0.5> : tensor<3x4xf32>
  %slice = tensor.extract_slice %gammas[1, 0] [1, 4] [1, 1] : tensor<2x4xf32> to tensor<1x4xf32>
  %gamma = tensor.collapse_shape %slice [[0, 1]] : tensor<1x4xf32> into tensor<4xf32>
  %c4 = arith.constant 4.0 : f32
  %eps = arith.constant 1.0e-5 : f64
  %y = linalg.generic {indexing_maps = [#row, #token, #channel, #row], iterator_types = ["parallel", "parallel"]}
      ins(%x, %sum, %gamma : tensor<?x4xf32>, tensor<?xf32>, tensor<4xf32>) outs(%e : tensor<?x4xf32>) {
  ^bb0(%a: f32, %b: f32, %g: f32, %o: f32):
    %mean = arith.divf %b, %c4 : f32
    %t = arith.truncf %eps : f64 to f32
    %v = arith.addf %mean, %t : f32
    %r = math.rsqrt %v : f32
    %n = arith.mulf %a, %r : f32
    %m = arith.mulf %n, %g : f32
    linalg.yield %m : f32
  } -> tensor<?x4xf32>
  %q = fptq.linear %y, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  return %q : tensor<?x3xf32>
}

// -----

// An external gamma is read from its file (it holds 8, 8, 8, 8) and becomes a constant; the global stays
// for whoever else loads it. A named op multiplies.
// CHECK-LABEL: @gamma_is_external
// CHECK: %[[GAMMA:.*]] = arith.constant dense<[8.000000e+00, 4.000000e+00, 2.28571439, 8.000000e+00]> : tensor<4xf32>
// CHECK: %[[B:.*]] = linalg.broadcast ins(%[[GAMMA]] : tensor<4xf32>)
// CHECK: linalg.mul ins(%{{.*}}, %[[B]] : tensor<8x4xf32>, tensor<8x4xf32>)
// REMARK: Remark="layer 'q': 1/s is folded into 'model.norm.weight'"
module attributes {fptq.parameters = ["PARAMETERS"]} {
  ml_program.global private @"model.norm.weight"(#ml_program.extern<tensor<4xf32>>) : tensor<4xf32>
  func.func @gamma_is_external(%n: tensor<8x4xf32>) -> tensor<8x3xf32> {
    %gamma = ml_program.global_load_const @"model.norm.weight" : tensor<4xf32>
    %w = arith.constant dense<0.5> : tensor<3x4xf32>
    %e = tensor.empty() : tensor<8x4xf32>
    %b = linalg.broadcast ins(%gamma : tensor<4xf32>) outs(%e : tensor<8x4xf32>) dimensions = [0]
    %y = linalg.mul ins(%n, %b : tensor<8x4xf32>, tensor<8x4xf32>) outs(%e : tensor<8x4xf32>) -> tensor<8x4xf32>
    %q = fptq.linear %y, %w layer("q") {
      channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
    } : (tensor<8x4xf32>, tensor<3x4xf32>) -> tensor<8x3xf32>
    return %q : tensor<8x3xf32>
  }
}
