// RUN: fptq-opt --fptq-fold-weights --split-input-file %s | FileCheck %s
// RUN: fptq-opt --fptq-raise --split-input-file %s | FileCheck %s --check-prefix=RAISED
// RUN: fptq-opt --fptq-fold-weights --split-input-file %s -o /dev/null 2>&1 | count 0

// weight_norm: w = g * v / |v|, rows of (3, 4) and (0, 2) with g = 10 and 6. Exact, and called like the layer.
// CHECK-LABEL: @weight_norm
// CHECK-NEXT: %[[W:.*]] = arith.constant {fptq.name = "fc.parametrizations.weight.original1"} dense_resource<[[KEY:.*]]> : tensor<2x2xf32>
// CHECK-NOT: math.sqrt
// CHECK: linalg.matmul {{.*}}%[[W]]
// 6, 8, 0, 6
// CHECK: [[KEY]]: "0x400000000000C04000000041000000000000C040"
// RAISED: fptq.linear {{.*}} layer("fc")
func.func @weight_norm(%x: tensor<?x2xf32>, %z: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %v = arith.constant dense_resource<"fc.parametrizations.weight.original1"> : tensor<2x2xf32>
  %g = arith.constant dense<[[10.0], [6.0]]> : tensor<2x1xf32>
  %zero = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<2xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<2xf32>) -> tensor<2xf32>
  %sum = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
    ins(%v : tensor<2x2xf32>) outs(%s0 : tensor<2xf32>) {
  ^bb0(%a: f32, %o: f32):
    %q = arith.mulf %a, %a : f32
    %p = arith.addf %o, %q : f32
    linalg.yield %p : f32
  } -> tensor<2xf32>
  %norm = math.sqrt %sum : tensor<2xf32>
  %e = tensor.empty() : tensor<2x2xf32>
  %w = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, 0)>, affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
    ins(%v, %g, %norm : tensor<2x2xf32>, tensor<2x1xf32>, tensor<2xf32>) outs(%e : tensor<2x2xf32>) {
  ^bb0(%a: f32, %b: f32, %n: f32, %o: f32):
    %m = arith.mulf %a, %b : f32
    %d = arith.divf %m, %n : f32
    linalg.yield %d : f32
  } -> tensor<2x2xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %w : tensor<?x2xf32>, tensor<2x2xf32>) outs(%z : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
{-#
  dialect_resources: { builtin: { fc.parametrizations.weight.original1: "0x0400000000004040000080400000000000000040" } }
#-}

// -----

// Parts put together, in f16, transposed behind: the transposition stays, so that the weight is N x K.
// CHECK-LABEL: @parts
// CHECK: arith.constant {fptq.name = "q.weight"} dense_resource<{{.*}}> : tensor<2x2xf16>
// CHECK: linalg.transpose
// CHECK: "0x40000000003C004000420044"
// RAISED-LABEL: @parts
// RAISED: fptq.linear {{.*}} layer("q")
func.func @parts(%x: tensor<4x2xf16>, %z: tensor<4x2xf16>) -> tensor<4x2xf16> {
  %q = arith.constant dense_resource<q.weight> : tensor<1x2xf16>
  %k = arith.constant dense_resource<k.weight> : tensor<1x2xf16>
  %w = tensor.concat dim(0) %q, %k : (tensor<1x2xf16>, tensor<1x2xf16>) -> tensor<2x2xf16>
  %e = tensor.empty() : tensor<2x2xf16>
  %t = linalg.transpose ins(%w : tensor<2x2xf16>) outs(%e : tensor<2x2xf16>) permutation = [1, 0]
  %y = linalg.matmul ins(%x, %t : tensor<4x2xf16>, tensor<2x2xf16>) outs(%z : tensor<4x2xf16>) -> tensor<4x2xf16>
  return %y : tensor<4x2xf16>
}
{-#
  dialect_resources: { builtin: { q.weight: "0x04000000003C0040", k.weight: "0x0400000000420044" } }
#-}

// -----

// What runs once need not be vectors, and nobody is told that it is not.
// CHECK-LABEL: @masked
// CHECK: arith.constant {fptq.name = "masked.weight"} dense_resource
func.func @masked(%x: tensor<4x2xf32>, %z: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %v = arith.constant dense_resource<masked.weight> : tensor<2x2xf32>
  %mask = arith.constant dense<[[true, false], [true, true]]> : tensor<2x2xi1>
  %zeros = arith.constant dense<0.0> : tensor<2x2xf32>
  %m = arith.select %mask, %v, %zeros : tensor<2x2xi1>, tensor<2x2xf32>
  %y = linalg.matmul ins(%x, %m : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}
{-#
  dialect_resources: { builtin: { masked.weight: "0x040000000000803F000000400000404000008040" } }
#-}

// -----

// Constants times constants are no layer, codes are fptq-import-quant's, and what differs along a batch are keys.
// CHECK-LABEL: @left_alone
// CHECK: arith.mulf
// CHECK: arith.sitofp
// CHECK: arith.addf
// RAISED-LABEL: @left_alone
func.func @left_alone(%x: tensor<2x4x2xf32>, %z: tensor<2x4x2xf32>, %y: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x4x2xf32>) {
  %a = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %m = arith.mulf %a, %a : tensor<2x2xf32>
  %0 = linalg.matmul ins(%m, %a : tensor<2x2xf32>, tensor<2x2xf32>) outs(%y : tensor<2x2xf32>) -> tensor<2x2xf32>
  %codes = arith.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %f = arith.sitofp %codes : tensor<2x2xi8> to tensor<2x2xf32>
  %1 = linalg.matmul ins(%y, %f : tensor<2x2xf32>, tensor<2x2xf32>) outs(%y : tensor<2x2xf32>) -> tensor<2x2xf32>
  %b = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]]> : tensor<2x2x2xf32>
  %s = arith.addf %b, %b : tensor<2x2x2xf32>
  %2 = linalg.batch_matmul ins(%x, %s : tensor<2x4x2xf32>, tensor<2x2x2xf32>) outs(%z : tensor<2x4x2xf32>) -> tensor<2x4x2xf32>
  return %0, %1, %2 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x4x2xf32>
}
