// linalg.pack of a constant stays, to be done at run time.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: mlir-opt %s --canonicalize | FileCheck %s

// CHECK: linalg.pack
func.func @pack() -> tensor<1x2x2x2xi8> {
  %w = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : tensor<2x4xi8>
  %e = tensor.empty() : tensor<1x2x2x2xi8>
  %p = linalg.pack %w inner_dims_pos = [0, 1] inner_tiles = [2, 2] into %e : tensor<2x4xi8> -> tensor<1x2x2x2xi8>
  return %p : tensor<1x2x2x2xi8>
}
