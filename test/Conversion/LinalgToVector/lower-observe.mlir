// A call of the runtime for each, and its declaration once, also where an earlier run of the pass left one.
// RUN: fptq-opt --fptq-lower-observe %s | FileCheck %s

// CHECK-COUNT-1: func.func private @fptq_observe(!llvm.ptr, !llvm.ptr, i64, i64, i32)
// CHECK-NOT: func.func private @fptq_observe
// CHECK-LABEL: func.func @f(
// CHECK: call @fptq_observe
// CHECK: call @fptq_observe
func.func private @fptq_observe(!llvm.ptr, !llvm.ptr, i64, i64, i32)
func.func @f(%x: memref<4x64xf32>, %y: memref<4x64xf32, strided<[1, 4]>>) {
  fptq.observe %x layer("a") : memref<4x64xf32>
  fptq.observe %y layer("b") : memref<4x64xf32, strided<[1, 4]>>
  return
}
