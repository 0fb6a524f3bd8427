// What a contraction computes of its weight in its own body is a weight of its own, computed before the model runs.
// RUN: fptq-opt %s --fptq-raise --split-input-file 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=WARNING --implicit-check-not=warning: < %t.err
// RUN: fptq-opt %s --fptq-import-frontend --split-input-file | FileCheck %s --check-prefix=PARTS
// RUN: fptq-opt %s --fptq-import-frontend --fptq-import-quant --split-input-file | FileCheck %s --check-prefix=CODES

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
