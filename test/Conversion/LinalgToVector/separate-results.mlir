// A caller frees every result: none lies in the buffer of another, whatever views and branches lead there.
// RUN: fptq-opt %s --fptq-separate-results | FileCheck %s

// CHECK-LABEL: @value_and_view
// CHECK: %[[Y:.*]] = memref.alloc(%{{.*}}) : memref<?x4xf32>
// CHECK: %[[Z:.*]] = memref.expand_shape %[[Y]]
// CHECK: %[[SIZE:.*]] = memref.dim %[[Z]],
// CHECK: %[[COPY:.*]] = memref.alloc(%[[SIZE]]) : memref<?x2x2xf32>
// CHECK: memref.copy %[[Z]], %[[COPY]]
// CHECK: return %[[Y]], %[[COPY]]
func.func @value_and_view(%m: index) -> (memref<?x4xf32>, memref<?x2x2xf32>) {
  %y = memref.alloc(%m) : memref<?x4xf32>
  %z = memref.expand_shape %y [[0], [1, 2]] output_shape [%m, 2, 2] : memref<?x4xf32> into memref<?x2x2xf32>
  return %y, %z : memref<?x4xf32>, memref<?x2x2xf32>
}

// CHECK-LABEL: @branch
// CHECK: %[[R:.*]] = scf.if
// CHECK: memref.copy %[[R]], %[[COPY:.*]] :
// CHECK: return %{{.*}}, %{{.*}}, %[[COPY]]
func.func @branch(%c: i1) -> (memref<4xf32>, index, memref<4xf32>) {
  %i = arith.constant 0 : index
  %y = memref.alloc() : memref<4xf32>
  %r = scf.if %c -> memref<4xf32> {
    %z = memref.alloc() : memref<4xf32>
    scf.yield %z : memref<4xf32>
  } else {
    scf.yield %y : memref<4xf32>
  }
  return %y, %i, %r : memref<4xf32>, index, memref<4xf32>
}

// Two buffers that change places.
// CHECK-LABEL: @loop
// CHECK: %[[R:.*]]:2 = scf.for
// CHECK: memref.copy %[[R]]#1, %[[COPY:.*]] :
// CHECK: return %[[R]]#0, %[[COPY]]
func.func @loop(%n: index) -> (memref<4xf32>, memref<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %y = memref.alloc() : memref<4xf32>
  %z = memref.alloc() : memref<4xf32>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %y, %b = %z) -> (memref<4xf32>, memref<4xf32>) {
    scf.yield %b, %a : memref<4xf32>, memref<4xf32>
  }
  return %r#0, %r#1 : memref<4xf32>, memref<4xf32>
}

// A function's own results are apart already, and so are those of a call.
// CHECK-LABEL: @call
// CHECK-NOT: memref.copy
func.func @call(%n: index) -> (memref<4xf32>, memref<4xf32>) {
  %r:2 = call @loop(%n) : (index) -> (memref<4xf32>, memref<4xf32>)
  return %r#0, %r#1 : memref<4xf32>, memref<4xf32>
}

// One return of several, and what a block is given from two others: perhaps %y.
// CHECK-LABEL: @blocks
// CHECK: memref.copy %[[Y:.*]], %[[TWICE:.*]] :
// CHECK: return %[[Y]], %[[TWICE]]
// CHECK: ^{{.*}}(%[[GIVEN:.*]]: memref<4xf32>):
// CHECK: memref.copy %[[GIVEN]], %[[COPY:.*]] :
// CHECK: return %[[Y]], %[[COPY]]
func.func @blocks(%c: i1, %d: i1) -> (memref<4xf32>, memref<4xf32>) {
  %y = memref.alloc() : memref<4xf32>
  %z = memref.alloc() : memref<4xf32>
  cf.cond_br %c, ^twice, ^more
^twice:
  return %y, %y : memref<4xf32>, memref<4xf32>
^more:
  cf.cond_br %d, ^last(%y : memref<4xf32>), ^last(%z : memref<4xf32>)
^last(%given: memref<4xf32>):
  return %y, %given : memref<4xf32>, memref<4xf32>
}
