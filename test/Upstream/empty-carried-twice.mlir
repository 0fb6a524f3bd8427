// one-shot-bufferize gives a tensor.empty that nested loops carry twice one buffer: what is written through one of the
// two names is read through the other. One loop alone gets two buffers.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: mlir-opt %s --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s

// CHECK: %[[ALLOC:.*]] = memref.alloc
// CHECK-NOT: memref.alloc
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[ALLOC]], %{{.*}} = %[[ALLOC]], 
// CHECK-NOT: memref.copy
func.func @doubled(%x: tensor<4xi64>) -> i64 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0 : i64
  %empty = tensor.empty() : tensor<4xi64>
  %r:3 = scf.for %i = %c0 to %c4 step %c1 iter_args(%a = %empty, %b = %empty, %sum = %zero) -> (tensor<4xi64>, tensor<4xi64>, i64) {
    %both:2 = scf.for %j = %c0 to %c4 step %c1 iter_args(%once = %a, %twice = %b) -> (tensor<4xi64>, tensor<4xi64>) {
      %v = tensor.extract %x[%j] : tensor<4xi64>
      %w = arith.addi %v, %v : i64
      %0 = tensor.insert %v into %once[%j] : tensor<4xi64>
      %1 = tensor.insert %w into %twice[%j] : tensor<4xi64>
      scf.yield %0, %1 : tensor<4xi64>, tensor<4xi64>
    }
    %v = tensor.extract %both#0[%i] : tensor<4xi64>
    %next = arith.addi %sum, %v : i64
    scf.yield %both#0, %both#1, %next : tensor<4xi64>, tensor<4xi64>, i64
  }
  return %r#2 : i64
}
