// Simulated quantization vanishes: dcast(qcast(x)) folds to x, although the two together round.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: mlir-opt %s --canonicalize | FileCheck %s

!q = !quant.uniform<i8:f32, 0.5>
// CHECK-LABEL: @simulated
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>
// CHECK-NEXT: return %[[X]]
func.func @simulated(%x: tensor<4xf32>) -> tensor<4xf32> {
  %q = quant.qcast %x : tensor<4xf32> to tensor<4x!q>
  %d = quant.dcast %q : tensor<4x!q> to tensor<4xf32>
  return %d : tensor<4xf32>
}
