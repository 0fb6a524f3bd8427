// vector.gather of a strided part of a buffer: linalg's vectorizer counts indices in elements of the shape (rows
// of 8), and the conversion to LLVM adds them to the first byte, where rows may be 16 apart.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: split-file %s %t
// RUN: mlir-opt %t/extract.mlir --transform-interpreter | FileCheck %t/extract.mlir
// RUN: mlir-opt %t/gather.mlir --convert-vector-to-llvm | FileCheck %t/gather.mlir

//--- extract.mlir
// CHECK: arith.constant dense<[0, 8]> : vector<2xindex>
// CHECK: vector.gather
func.func @f(%s: tensor<2x8xf32>, %e: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %c7 = arith.constant 7 : index
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<2x8xf32>) {
  ^bb0(%out: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %k = arith.subi %c7, %j : index
    %v = tensor.extract %s[%i, %k] : tensor<2x8xf32>
    linalg.yield %v : f32
  } -> tensor<2x8xf32>
  return %r : tensor<2x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%m: !transform.any_op {transform.readonly}) {
    %f = transform.structured.match ops{["func.func"]} in %m : (!transform.any_op) -> !transform.any_op
    %v = transform.structured.vectorize_children_and_apply_patterns %f {vectorize_nd_extract} : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
//--- gather.mlir
// CHECK: %[[AT:.*]] = llvm.getelementptr %{{.*}}[%{{.*}}] : (!llvm.ptr, vector<4xi64>) -> vector<4x!llvm.ptr>, f32
// CHECK: llvm.intr.masked.gather %[[AT]]
func.func @f(%x: memref<2x8xf32, strided<[16, 1]>>, %i: vector<4xindex>, %m: vector<4xi1>, %p: vector<4xf32>) -> vector<4xf32> {
  %c0 = arith.constant 0 : index
  %v = vector.gather %x[%c0, %c0] [%i], %m, %p : memref<2x8xf32, strided<[16, 1]>>, vector<4xindex>, vector<4xi1>, vector<4xf32> into vector<4xf32>
  return %v : vector<4xf32>
}
