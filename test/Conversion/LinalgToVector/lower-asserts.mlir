// RUN: fptq-opt %s --fptq-lower-asserts | FileCheck %s

// CHECK-DAG: llvm.mlir.global private constant @[[TEXT:.*]]("index must be smaller than dim size\00")
// CHECK-DAG: llvm.mlir.global private constant @[[NAME:.*]]("gather\00")
// CHECK-DAG: llvm.func @__assert_fail(!llvm.ptr, !llvm.ptr, i32, !llvm.ptr)
// CHECK-LABEL: func.func @gather
// CHECK: cf.cond_br %arg0, ^[[REST:.*]], ^[[FAILURE:.*]]
// CHECK: ^[[REST]]:
// CHECK: cf.cond_br %arg1, ^[[LAST:.*]], ^{{.*}}
// CHECK: ^[[LAST]]:
// CHECK-NEXT: return
// CHECK: ^[[FAILURE]]:
// CHECK-DAG: llvm.mlir.constant([[#@LINE + 6]] : i32)
// CHECK-DAG: llvm.mlir.addressof @[[TEXT]]
// CHECK-DAG: llvm.mlir.addressof @[[NAME]]
// CHECK: llvm.call @__assert_fail
// CHECK: llvm.unreachable
func.func @gather(%inside: i1, %also: i1) {
  cf.assert %inside, "index must be smaller than dim size"
  cf.assert %also, "index must be smaller than dim size"
  return
}
