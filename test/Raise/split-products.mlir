// What a contraction computes of its weight in its own body is a weight of its own, computed before the model runs.
// RUN: fptq-opt %s --fptq-raise --split-input-file 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=WARNING --implicit-check-not=warning: < %t.err
// RUN: fptq-opt %s --fptq-import-frontend --split-input-file | FileCheck %s --check-prefix=PARTS
// RUN: fptq-opt %s --fptq-import-frontend --fptq-import-quant --fptq-raise --split-input-file | FileCheck %s --check-prefix=CODES

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (k, n)>
#n = affine_map<(m, n, k) -> (n)>
#m = affine_map<(m, n, k) -> (m)>
#y = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: @scaled_by_column
// CHECK: %[[W:.*]] = arith.constant {fptq.name = "scaled.weight"} dense_resource<[[SCALED:.*]]> : tensor<2x2xf32>
// CHECK: fptq.linear %arg0, %[[W]] layer("scaled")
// PARTS-LABEL: @scaled_by_column
// PARTS: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]
// PARTS: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%arg0, %{{.*}} : tensor<?x2xf32>, tensor<2x2xf32>)
func.func @scaled_by_column(%x: tensor<?x2xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense_resource<scaled.weight> : tensor<2x2xf32>
  %s = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %r = linalg.generic {indexing_maps = [#x, #w, #n, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w, %s : tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) outs(%init : tensor<?x2xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %o: f32):
    %ws = arith.mulf %b, %c : f32
    %p = arith.mulf %a, %ws : f32
    %t = arith.addf %o, %p : f32
    linalg.yield %t : f32
  } -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}

// sum - (x - mean) * w / 0.5
// CHECK-LABEL: @negated_and_divided
// CHECK: %[[X:.*]] = linalg.generic {{.*}} ins(%arg0, %arg1 : tensor<?x2xf16>, tensor<?xf32>)
// CHECK: arith.subf
// CHECK: %[[W:.*]] = arith.constant {fptq.name = "negated.weight"} dense_resource<[[NEGATED:.*]]> : tensor<2x2xf32>
// CHECK: fptq.linear %[[X]], %{{.*}} layer("negated")
func.func @negated_and_divided(%x: tensor<?x2xf16>, %mean: tensor<?xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense_resource<negated.weight> : tensor<2x2xf16>
  %half = arith.constant 0.5 : f32
  %r = linalg.generic {indexing_maps = [#x, #m, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %mean, %w : tensor<?x2xf16>, tensor<?xf32>, tensor<2x2xf16>) outs(%init : tensor<?x2xf32>) {
  ^bb0(%a: f16, %b: f32, %c: f16, %o: f32):
    %ae = arith.extf %a : f16 to f32
    %ce = arith.extf %c : f16 to f32
    %centered = arith.subf %ae, %b : f32
    %p = arith.mulf %ce, %centered : f32
    %q = arith.divf %p, %half : f32
    %t = arith.subf %o, %q : f32
    linalg.yield %t : f32
  } -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}

// Two layers in one contraction, whose products are rounded before they are added up.
// CHECK-LABEL: @two_sums
// CHECK-DAG: fptq.linear %arg0, %{{.*}} layer("q") : (tensor<?x2xf16>, tensor<2x2xf16>) -> tensor<?x2xf32>
// CHECK-DAG: fptq.linear %arg0, %{{.*}} layer("k") : (tensor<?x2xf16>, tensor<2x2xf16>) -> tensor<?x2xf32>
func.func @two_sums(%x: tensor<?x2xf16>, %init: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = arith.constant dense_resource<q.weight> : tensor<2x2xf16>
  %v = arith.constant dense_resource<k.weight> : tensor<2x2xf16>
  %r:2 = linalg.generic {indexing_maps = [#x, #w, #w, #y, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w, %v : tensor<?x2xf16>, tensor<2x2xf16>, tensor<2x2xf16>) outs(%init, %init : tensor<?x2xf32>, tensor<?x2xf32>) {
  ^bb0(%a: f16, %b: f16, %c: f16, %o: f32, %o2: f32):
    %ab = arith.mulf %a, %b : f16
    %ac = arith.mulf %a, %c : f16
    %abe = arith.extf %ab : f16 to f32
    %ace = arith.extf %ac : f16 to f32
    %t = arith.addf %o, %abe : f32
    %u = arith.addf %o2, %ace : f32
    linalg.yield %t, %u : f32, f32
  } -> (tensor<?x2xf32>, tensor<?x2xf32>)
  return %r#0, %r#1 : tensor<?x2xf32>, tensor<?x2xf32>
}

// A named op rounds its operands to the type of its result.
// CHECK-LABEL: @rounded_operands
// CHECK: fptq.linear %{{.*}}, %{{.*}} layer("linear_{{[0-9]+}}") : (tensor<4x2xf16>, tensor<2x2xf16>) -> tensor<4x2xf16>
func.func @rounded_operands(%x: tensor<4x2xf32>, %init: tensor<4x2xf16>) -> tensor<4x2xf16> {
  %w = arith.constant dense<1.0> : tensor<2x2xf32>
  %r = linalg.matmul ins(%x, %w : tensor<4x2xf32>, tensor<2x2xf32>) outs(%init : tensor<4x2xf16>) -> tensor<4x2xf16>
  return %r : tensor<4x2xf16>
}

// Neither the input's nor the weight's: it has rows and columns.
// CHECK-LABEL: @gated
// CHECK-NOT: fptq.linear
// WARNING: :[[@LINE+3]]:8: warning: this layer stays in float: its contraction does more than multiply an input with a weight: compute the rest before or after it (weight 'gated.weight')
func.func @gated(%x: tensor<?x2xf32>, %g: tensor<?x2xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense_resource<gated.weight> : tensor<2x2xf32>
  %r = linalg.generic {indexing_maps = [#x, #w, #y, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w, %g : tensor<?x2xf32>, tensor<2x2xf32>, tensor<?x2xf32>) outs(%init : tensor<?x2xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %o: f32):
    %ws = arith.mulf %b, %c : f32
    %p = arith.mulf %a, %ws : f32
    %t = arith.addf %o, %p : f32
    linalg.yield %t : f32
  } -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}

// Not layers, so no word of them: a depthwise kernel of three factors, distances to a table.
// CHECK-LABEL: @no_layers
// CHECK-NOT: fptq.linear
// CHECK: return
func.func @no_layers(%x: tensor<4x2xf32>, %s: tensor<4xf32>, %z: tensor<4xf32>, %e: tensor<4x2xf32>) -> (tensor<4xf32>, tensor<4x2xf32>) {
  %w = arith.constant dense<1.0> : tensor<4x2xf32>
  %t = arith.constant dense<1.0> : tensor<2x2xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(c, k) -> (c, k)>, affine_map<(c, k) -> (c, k)>, affine_map<(c, k) -> (c)>, affine_map<(c, k) -> (c)>],
      iterator_types = ["parallel", "reduction"]} ins(%x, %w, %s : tensor<4x2xf32>, tensor<4x2xf32>, tensor<4xf32>) outs(%z : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %o: f32):
    %ws = arith.mulf %b, %c : f32
    %p = arith.mulf %a, %ws : f32
    %q = arith.addf %o, %p : f32
    linalg.yield %q : f32
  } -> tensor<4xf32>
  %d = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %t : tensor<4x2xf32>, tensor<2x2xf32>) outs(%e : tensor<4x2xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.subf %a, %b : f32
    %p = arith.mulf %m, %m : f32
    %q = arith.addf %o, %p : f32
    linalg.yield %q : f32
  } -> tensor<4x2xf32>
  return %r, %d : tensor<4xf32>, tensor<4x2xf32>
}

// 1 4 | 3 8, transposed; 1 2 | 3 4, times -2.
// CHECK: [[SCALED]]: "0x400000000000803F000040400000804000000041"
// CHECK: [[NEGATED]]: "0x40000000000000C0000080C00000C0C0000000C1"
{-# dialect_resources: { builtin: {
  scaled.weight: "0x040000000000803F000000400000404000008040",
  gated.weight: "0x040000000000803F000000400000404000008040",
  negated.weight: "0x04000000003C004000420044",
  q.weight: "0x04000000003C004000420044",
  k.weight: "0x04000000004000420044003C"
} } #-}

// -----
// Codes that are scaled in the product are taken over, where somebody asks.
// WARNING: warning: this layer stays in float: its weight is computed from constants
// CODES: fptq.dequantize %{{.*}}, %{{.*}} bits(4) group_size(64)
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (k, n)>
#n = affine_map<(m, n, k) -> (n)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @codes(%x: tensor<4x64xf32>, %init: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = arith.constant dense<3> : tensor<64x2xi8>
  %s = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %r = linalg.generic {indexing_maps = [#x, #w, #n, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w, %s : tensor<4x64xf32>, tensor<64x2xi8>, tensor<2xf32>) outs(%init : tensor<4x2xf32>) {
  ^bb0(%a: f32, %b: i8, %c: f32, %o: f32):
    %bf = arith.sitofp %b : i8 to f32
    %ws = arith.mulf %bf, %c : f32
    %p = arith.mulf %a, %ws : f32
    %t = arith.addf %o, %p : f32
    linalg.yield %t : f32
  } -> tensor<4x2xf32>
  return %r : tensor<4x2xf32>
}

// -----

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (k, n)>
#n = affine_map<(m, n, k) -> (n)>
#y = affine_map<(m, n, k) -> (m, n)>

// Of halves in the end alone: 1e6 and 1e-9 are none, their product is.
// CHECK-LABEL: @wider_than_the_sum
// CHECK: %[[W:.*]] = arith.constant {{.*}} : tensor<2x2xf16>
// CHECK: fptq.linear %arg0, %[[W]]
// PARTS-LABEL: @wider_than_the_sum
// PARTS: %[[W:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<2x2xf32>, tensor<2xf32>) outs(%{{.*}} : tensor<2x2xf32>)
// PARTS: arith.truncf %[[W]] : tensor<2x2xf32> to tensor<2x2xf16>
func.func @wider_than_the_sum(%x: tensor<?x2xf16>, %init: tensor<?x2xf16>) -> tensor<?x2xf16> {
  %w = arith.constant dense<[[1.0e6, 2.0e6], [3.0e6, 4.0e6]]> : tensor<2x2xf32>
  %s = arith.constant dense<[1.0e-9, 1.0e-9]> : tensor<2xf32>
  %r = linalg.generic {indexing_maps = [#x, #w, #n, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w, %s : tensor<?x2xf16>, tensor<2x2xf32>, tensor<2xf32>) outs(%init : tensor<?x2xf16>) {
  ^bb0(%a: f16, %b: f32, %c: f32, %o: f16):
    %ax = arith.extf %a : f16 to f32
    %p = arith.mulf %ax, %b : f32
    %q = arith.mulf %p, %c : f32
    %h = arith.truncf %q : f32 to f16
    %t = arith.addf %o, %h : f16
    linalg.yield %t : f16
  } -> tensor<?x2xf16>
  return %r : tensor<?x2xf16>
}

// -----

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (k, n)>
#n = affine_map<(m, n, k) -> (n)>
#y = affine_map<(m, n, k) -> (m, n)>

// Codes whose scale is multiplied last are codes, whatever they are rounded to then.
// WARNING: warning: this layer stays in float: its weight is computed from constants
// CODES-LABEL: @codes_of_halves
// CODES: fptq.dequantize
// CODES: fptq.linear %arg0, %{{.*}} : (tensor<?x2xf16>, tensor<2x2xf32>) -> tensor<?x2xf16>
func.func @codes_of_halves(%x: tensor<?x2xf16>, %init: tensor<?x2xf16>) -> tensor<?x2xf16> {
  %w = arith.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %s = arith.constant dense<[0.1, 0.2]> : tensor<2xf32>
  %r = linalg.generic {indexing_maps = [#x, #w, #n, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w, %s : tensor<?x2xf16>, tensor<2x2xi8>, tensor<2xf32>) outs(%init : tensor<?x2xf16>) {
  ^bb0(%a: f16, %b: i8, %c: f32, %o: f16):
    %ax = arith.extf %a : f16 to f32
    %bf = arith.sitofp %b : i8 to f32
    %p = arith.mulf %ax, %bf : f32
    %q = arith.mulf %p, %c : f32
    %h = arith.truncf %q : f32 to f16
    %t = arith.addf %o, %h : f16
    linalg.yield %t : f16
  } -> tensor<?x2xf16>
  return %r : tensor<?x2xf16>
}

// -----

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (k, n)>
#y = affine_map<(m, n, k) -> (m, n)>

// A number that is used twice is read once, and a power of 2^32 is not that many factors: this ends.
// CHECK-LABEL: @doubled_and_squared
// CHECK: arith.addf
// CHECK: fptq.linear %{{.*}} layer("doubled")
func.func @doubled_and_squared(%x: tensor<?x2xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense_resource<doubled.weight> : tensor<2x2xf32>
  %r = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x2xf32>, tensor<2x2xf32>) outs(%init : tensor<?x2xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %s1 = arith.addf %a, %a : f32
    %s2 = arith.addf %s1, %s1 : f32
    %s3 = arith.addf %s2, %s2 : f32
    %s4 = arith.addf %s3, %s3 : f32
    %s5 = arith.addf %s4, %s4 : f32
    %s6 = arith.addf %s5, %s5 : f32
    %s7 = arith.addf %s6, %s6 : f32
    %s8 = arith.addf %s7, %s7 : f32
    %s9 = arith.addf %s8, %s8 : f32
    %s10 = arith.addf %s9, %s9 : f32
    %s11 = arith.addf %s10, %s10 : f32
    %s12 = arith.addf %s11, %s11 : f32
    %s13 = arith.addf %s12, %s12 : f32
    %s14 = arith.addf %s13, %s13 : f32
    %s15 = arith.addf %s14, %s14 : f32
    %s16 = arith.addf %s15, %s15 : f32
    %s17 = arith.addf %s16, %s16 : f32
    %s18 = arith.addf %s17, %s17 : f32
    %s19 = arith.addf %s18, %s18 : f32
    %s20 = arith.addf %s19, %s19 : f32
    %s21 = arith.addf %s20, %s20 : f32
    %s22 = arith.addf %s21, %s21 : f32
    %s23 = arith.addf %s22, %s22 : f32
    %s24 = arith.addf %s23, %s23 : f32
    %s25 = arith.addf %s24, %s24 : f32
    %s26 = arith.addf %s25, %s25 : f32
    %s27 = arith.addf %s26, %s26 : f32
    %s28 = arith.addf %s27, %s27 : f32
    %s29 = arith.addf %s28, %s28 : f32
    %s30 = arith.addf %s29, %s29 : f32
    %s31 = arith.addf %s30, %s30 : f32
    %s32 = arith.addf %s31, %s31 : f32
    %q1 = arith.mulf %s32, %s32 : f32
    %q2 = arith.mulf %q1, %q1 : f32
    %q3 = arith.mulf %q2, %q2 : f32
    %q4 = arith.mulf %q3, %q3 : f32
    %q5 = arith.mulf %q4, %q4 : f32
    %q6 = arith.mulf %q5, %q5 : f32
    %q7 = arith.mulf %q6, %q6 : f32
    %q8 = arith.mulf %q7, %q7 : f32
    %q9 = arith.mulf %q8, %q8 : f32
    %q10 = arith.mulf %q9, %q9 : f32
    %q11 = arith.mulf %q10, %q10 : f32
    %q12 = arith.mulf %q11, %q11 : f32
    %q13 = arith.mulf %q12, %q12 : f32
    %q14 = arith.mulf %q13, %q13 : f32
    %q15 = arith.mulf %q14, %q14 : f32
    %q16 = arith.mulf %q15, %q15 : f32
    %q17 = arith.mulf %q16, %q16 : f32
    %q18 = arith.mulf %q17, %q17 : f32
    %q19 = arith.mulf %q18, %q18 : f32
    %q20 = arith.mulf %q19, %q19 : f32
    %q21 = arith.mulf %q20, %q20 : f32
    %q22 = arith.mulf %q21, %q21 : f32
    %q23 = arith.mulf %q22, %q22 : f32
    %q24 = arith.mulf %q23, %q23 : f32
    %q25 = arith.mulf %q24, %q24 : f32
    %q26 = arith.mulf %q25, %q25 : f32
    %q27 = arith.mulf %q26, %q26 : f32
    %q28 = arith.mulf %q27, %q27 : f32
    %q29 = arith.mulf %q28, %q28 : f32
    %q30 = arith.mulf %q29, %q29 : f32
    %q31 = arith.mulf %q30, %q30 : f32
    %q32 = arith.mulf %q31, %q31 : f32
    %p = arith.mulf %q32, %b : f32
    %t = arith.addf %o, %p : f32
    linalg.yield %t : f32
  } -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}
