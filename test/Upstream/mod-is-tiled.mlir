// A tile of an operand that is read by a mod begins where the first iteration reads, and is read by the mod again.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: mlir-opt %s --transform-interpreter --canonicalize | FileCheck %s

// CHECK: %[[AT:.*]] = affine.apply #map(%{{.*}})
// CHECK: tensor.extract_slice %arg0[%[[AT]]] [16] [1] : tensor<24xf32> to tensor<16xf32>
func.func @f(%x: tensor<24xf32>, %e: tensor<48xf32>) -> tensor<48xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(j) -> (j mod 24)>, affine_map<(j) -> (j)>], iterator_types = ["parallel"]} ins(%x : tensor<24xf32>) outs(%e : tensor<48xf32>) {
  ^bb0(%p: f32, %o: f32):
    linalg.yield %p : f32
  } -> tensor<48xf32>
  return %r : tensor<48xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op {transform.readonly}) {
    %g = transform.structured.match ops{["linalg.generic"]} in %m : (!transform.any_op) -> !transform.any_op
    %t, %l = transform.structured.tile_using_for %g tile_sizes [16] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}
