// linalg-specialize-generic-ops takes y = x w^T for linalg.matmul, which is y = x w: silently wrong for a square weight.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: mlir-opt %s --linalg-specialize-generic-ops | FileCheck %s

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
// CHECK-LABEL: @square
// CHECK-NOT: indexing_maps
// CHECK: linalg.matmul ins(%{{.*}}, %{{.*}} : tensor<8x64xf32>, tensor<64x64xf32>)
// CHECK-NOT: linalg.transpose
func.func @square(%x: tensor<8x64xf32>, %w: tensor<64x64xf32>, %y: tensor<8x64xf32>) -> tensor<8x64xf32> {
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<8x64xf32>, tensor<64x64xf32>) outs(%y : tensor<8x64xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %c, %p : f32
    linalg.yield %s : f32
  } -> tensor<8x64xf32>
  return %0 : tensor<8x64xf32>
}
