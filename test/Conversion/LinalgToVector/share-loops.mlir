// RUN: fptq-opt %s --fptq-share-loops | FileCheck %s

// Threads take iterations from a counter; both variables come from the one number, the last runs fastest.

// CHECK-LABEL: func.func @heads
func.func @heads(%x: memref<12x?xf32>, %rows: index) {
  // CHECK: %[[COUNTER:.*]] = llvm.alloca %{{.*}} {alignment = 64 : i64}
  // CHECK: %[[TRIPS:.*]] = arith.ceildivsi %{{.*}}, %c4
  // CHECK: llvm.store %{{.*}}, %[[COUNTER]]
  // CHECK: %[[MORE:.*]] = arith.cmpi slt, %c1_i64
  // CHECK: omp.parallel if(%[[MORE]]) {
  // CHECK-NEXT: %[[SCRATCH:.*]] = memref.alloca() : memref<8xf32>
  // CHECK-NEXT: scf.while : () -> i64 {
  // CHECK-NEXT: %[[FIRST:.*]] = llvm.atomicrmw add %[[COUNTER]], %{{.*}} monotonic
  // CHECK-NEXT: %[[ANY:.*]] = arith.cmpi slt, %[[FIRST]], %{{.*}} : i64
  // CHECK-NEXT: scf.condition(%[[ANY]]) %[[FIRST]] : i64
  // CHECK: ^bb0(%[[TAKEN:.*]]: i64):
  // CHECK: %[[AT:.*]] = arith.index_cast %[[TAKEN]]
  // CHECK: arith.remui %[[AT]], %[[TRIPS]]
  // CHECK: arith.divui %[[AT]], %[[TRIPS]]
  // CHECK: scf.for
  // CHECK: memref.store %{{.*}}, %[[SCRATCH]]
  // CHECK-NOT: scf.parallel
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c12 = arith.constant 12 : index
  %c8 = arith.constant 8 : index
  scf.parallel (%h, %r) = (%c0, %c0) to (%c12, %rows) step (%c1, %c4) {
    %scratch = memref.alloca() : memref<8xf32>
    scf.for %i = %c0 to %c8 step %c1 {
      %v = memref.load %x[%h, %r] : memref<12x?xf32>
      memref.store %v, %scratch[%i] : memref<8xf32>
      %w = memref.load %scratch[%c0] : memref<8xf32>
      memref.store %w, %x[%h, %r] : memref<12x?xf32>
    }
  }
  return
}
