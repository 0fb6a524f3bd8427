// A tensor that may not be overwritten is copied before ml_program.global_store, which writes nothing to it; the copy's
// contents are forgotten: the global gets an uninitialized buffer.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: mlir-opt %s --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s

// CHECK: func.func @f(%[[X:.*]]: memref
// CHECK: %[[ALLOC:.*]] = memref.alloc
// CHECK-NOT: %[[X]]
// CHECK: memref.copy %[[ALLOC]], %{{.*}} :
// CHECK-NOT: %[[X]]
// CHECK: return
ml_program.global private mutable @g(dense<0.0> : tensor<4xf32>) : tensor<4xf32>
func.func @f(%x: tensor<4xf32> {bufferization.writable = false}) {
  ml_program.global_store @g = %x : tensor<4xf32>
  return
}
