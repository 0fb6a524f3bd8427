// The steps of this loop nest are more than 64 bits count: work for threads, not none at all.
// RUN: fptq-opt --fptq-tile-for-vectors=parallel-min=1 %s | FileCheck %s

// CHECK-LABEL: @more_than_can_be_counted
// CHECK: scf.forall
#id = affine_map<(i, j) -> (i, j)>
func.func @more_than_can_be_counted(%x: tensor<4294967296x4294967296xf32>,
    %y: tensor<4294967296x4294967296xf32>) -> tensor<4294967296x4294967296xf32> {
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4294967296x4294967296xf32>) outs(%y : tensor<4294967296x4294967296xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %a : f32
    linalg.yield %s : f32
  } -> tensor<4294967296x4294967296xf32>
  return %0 : tensor<4294967296x4294967296xf32>
}
