// expand-strided-metadata takes all but one size of a group for static, and reads an attribute that is not there.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: not --crash mlir-opt --expand-strided-metadata %s

func.func @batch_of_sequences(%tokens: memref<?x8xf32>, %b: index, %t: index) -> memref<?x?x8xf32> {
  %y = memref.expand_shape %tokens [[0, 1], [2]] output_shape [%b, %t, 8] : memref<?x8xf32> into memref<?x?x8xf32>
  return %y : memref<?x?x8xf32>
}
