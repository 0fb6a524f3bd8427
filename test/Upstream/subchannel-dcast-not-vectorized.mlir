// A dcast of a sub-channel type becomes a generic with a floordiv in its map, which the vectorizer refuses.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: not mlir-opt %s --lower-quant-ops --canonicalize --transform-interpreter 2>&1 | FileCheck %s

// CHECK: error: Attempted to vectorize, but failed
!q = !quant.uniform<i4:f32:{0:1, 1:32}, {{0.5, 0.25}, {1.0, 2.0}}>
func.func @dequantize(%w: tensor<2x64x!q>) -> tensor<2x64xf32> {
  %d = quant.dcast %w : tensor<2x64x!q> to tensor<2x64xf32>
  return %d : tensor<2x64xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op {transform.readonly}) {
    %g = transform.structured.match ops{["linalg.generic"]} in %m : (!transform.any_op) -> !transform.any_op
    transform.structured.vectorize %g : !transform.any_op
    transform.yield
  }
}
