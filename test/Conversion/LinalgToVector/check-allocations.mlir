// A buffer that memory has no room for ends the process with its size: the pointer would be 0.
// RUN: split-file %s %t
// RUN: fptq-opt %t/calls.mlir --fptq-check-allocations --fptq-check-allocations | FileCheck %t/calls.mlir
// RUN: not --crash fptq-run %t/huge.mlir --tier reference --threads 1 2>&1 | FileCheck %t/huge.mlir
//--- calls.mlir
// CHECK-DAG: llvm.func @malloc(i64) -> !llvm.ptr
// CHECK-DAG: llvm.func @dprintf(i32, !llvm.ptr, ...) -> i32
// CHECK-LABEL: @layer
// CHECK: call @fptq_allocate(%{{.*}}) : (i64) -> !llvm.ptr
// CHECK-NOT: @malloc(
// CHECK-LABEL: llvm.func internal @fptq_allocate(
// CHECK-SAME: %[[BYTES:.*]]: i64
// CHECK: %[[P:.*]] = llvm.call @fptq_buffer_take(%[[BYTES]])
// CHECK: %[[NULL:.*]] = llvm.icmp "eq" %[[P]], %{{.*}} : !llvm.ptr
// CHECK: llvm.cond_br %[[NULL]], ^[[NONE:bb.*]], ^[[THERE:bb.*]]
// CHECK: ^[[THERE]]:
// CHECK-NEXT: llvm.return %[[P]]
// CHECK: ^[[NONE]]:
// CHECK: llvm.call @dprintf(%{{.*}}, %{{.*}}, %[[BYTES]]) vararg
// CHECK-NEXT: llvm.call @abort()
llvm.func @malloc(i64) -> !llvm.ptr
llvm.func @layer(%bytes: i64) -> !llvm.ptr {
  %p = llvm.call @malloc(%bytes) : (i64) -> !llvm.ptr
  llvm.return %p : !llvm.ptr
}
//--- huge.mlir
// CHECK: error: out of memory: the model needs a buffer of 140737488355{{[0-9]+}} bytes
func.func @huge() -> tensor<35184372088832xf32> {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<35184372088832xf32>
  %filled = linalg.fill ins(%zero : f32) outs(%empty : tensor<35184372088832xf32>) -> tensor<35184372088832xf32>
  return %filled : tensor<35184372088832xf32>
}
