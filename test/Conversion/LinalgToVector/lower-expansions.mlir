// RUN: fptq-opt --fptq-lower-expansions --canonicalize --cse %s | FileCheck %s
// RUN: fptq-opt --fptq-lower-expansions --expand-strided-metadata %s | FileCheck %s --check-prefix=NONE
// NONE-NOT: memref.expand_shape

// CHECK-LABEL: func @two_dynamic_sizes
// CHECK-SAME: (%[[X:.*]]: memref<?x8xf32>, %[[B:.*]]: index, %[[T:.*]]: index)
// CHECK: %[[S:.*]] = arith.muli %[[T]], %c8 : index
// CHECK: memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [%[[B]], %[[T]], 8], strides: [%[[S]], 8, 1]
func.func @two_dynamic_sizes(%x: memref<?x8xf32>, %b: index, %t: index) -> memref<?x?x8xf32> {
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, %t, 8] : memref<?x8xf32> into memref<?x?x8xf32>
  return %y : memref<?x?x8xf32>
}

// A slice: its stride and offset are kept.
// CHECK-LABEL: func @strided
// CHECK: %{{.*}}, %[[OFFSET:.*]], %{{.*}}, %[[STRIDE:.*]] = memref.extract_strided_metadata
// CHECK: %[[S:.*]] = arith.muli %[[STRIDE]], %arg2
// CHECK: memref.reinterpret_cast %arg0 to offset: [%[[OFFSET]]], sizes: [%arg1, %arg2], strides: [%[[S]], %[[STRIDE]]]
func.func @strided(%x: memref<?xf32, strided<[?], offset: ?>>, %b: index, %t: index) -> memref<?x?xf32, strided<[?, ?], offset: ?>> {
  %y = memref.expand_shape %x [[0, 1]] output_shape [%b, %t] : memref<?xf32, strided<[?], offset: ?>> into memref<?x?xf32, strided<[?, ?], offset: ?>>
  return %y : memref<?x?xf32, strided<[?, ?], offset: ?>>
}

// CHECK-LABEL: func @one_dynamic_size
// CHECK: memref.expand_shape
func.func @one_dynamic_size(%x: memref<?xf32>, %b: index) -> memref<?x8xf32> {
  %y = memref.expand_shape %x [[0, 1]] output_shape [%b, 8] : memref<?xf32> into memref<?x8xf32>
  return %y : memref<?x8xf32>
}
