// A cast to an identity layout says that rows follow each other: a part of a larger buffer is copied first.
// RUN: fptq-opt %s --fptq-copy-strided-views | FileCheck %s

// CHECK-LABEL: @rows_are_apart
// CHECK: %[[ROWS:.*]] = memref.dim %arg0, %c0
// CHECK: %[[COPY:.*]] = memref.alloc(%[[ROWS]], %{{.*}}) : memref<?x?xf32>
// CHECK: memref.copy %arg0, %[[COPY]]
// CHECK: return %[[COPY]]
func.func @rows_are_apart(%x: memref<3x2xf32, strided<[16, 1]>>) -> memref<?x?xf32> {
  %y = memref.cast %x : memref<3x2xf32, strided<[16, 1]>> to memref<?x?xf32>
  return %y : memref<?x?xf32>
}

// CHECK-LABEL: @rows_follow_each_other
// CHECK-NOT: memref.alloc
// CHECK: memref.cast
func.func @rows_follow_each_other(%x: memref<?x16xf32, strided<[16, 1]>>) -> memref<?x?xf32> {
  %y = memref.cast %x : memref<?x16xf32, strided<[16, 1]>> to memref<?x?xf32>
  return %y : memref<?x?xf32>
}
