// A loop of one step is dropped with its stride, and the window's loop is then taken for the input's whole dimension.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: not mlir-opt %s --linalg-generalize-named-ops --linalg-fold-unit-extent-dims 2>&1 | FileCheck %s

// CHECK: error: 'linalg.generic' op inferred input/output operand #1 has shape's dimension #0 to be 3, but found 2
func.func @pool(%x: tensor<1x4x3x3xf32>, %w: tensor<2x2xf32>, %z: tensor<1x4x1x1xf32>) -> tensor<1x4x1x1xf32> {
  %y = linalg.pooling_nchw_max {dilations = dense<1> : vector<2xi64>, strides = dense<2> : vector<2xi64>}
    ins(%x, %w : tensor<1x4x3x3xf32>, tensor<2x2xf32>) outs(%z : tensor<1x4x1x1xf32>) -> tensor<1x4x1x1xf32>
  return %y : tensor<1x4x1x1xf32>
}
