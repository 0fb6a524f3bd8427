// ml_program.global_load becomes the global's own memory: %before is read after the store has overwritten it.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: mlir-opt %s --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s

// CHECK: func.func @f(%[[X:.*]]: memref
// CHECK: %[[BEFORE:.*]] = memref.get_global @g
// CHECK: memref.copy %[[X]], %{{.*}} :
// CHECK: memref.load %[[BEFORE]]
ml_program.global private mutable @g(dense<0.0> : tensor<4xf32>) : tensor<4xf32>
func.func @f(%x: tensor<4xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %before = ml_program.global_load @g : tensor<4xf32>
  ml_program.global_store @g = %x : tensor<4xf32>
  %y = tensor.extract %before[%c0] : tensor<4xf32>
  return %y : f32
}
