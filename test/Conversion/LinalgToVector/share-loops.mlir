// RUN: fptq-opt %s --fptq-share-loops | FileCheck %s

// Each thread takes halves of what is left of its own share, then of the others'; both variables come from the one
// number, the last runs fastest.

// CHECK-COUNT-1: llvm.func @omp_get_num_threads
// CHECK-NOT: llvm.func @omp_get_num_threads
// CHECK-LABEL: func.func @heads
func.func @heads(%x: memref<12x?xf32>, %rows: index) {
  // CHECK: %[[COUNTERS:.*]] = llvm.alloca %{{.*}} {alignment = 64 : i64}
  // CHECK: %[[TRIPS:.*]] = arith.ceildivsi %{{.*}}, %c4
  // CHECK: %[[COUNT:.*]] = arith.index_cast %{{.*}} : index to i64
  // CHECK: %[[MORE:.*]] = arith.cmpi slt, %{{.*}}, %[[COUNT]]
  // CHECK: omp.parallel if(%[[MORE]]) {
  // CHECK-NEXT: %[[SCRATCH:.*]] = memref.alloca() : memref<8xf32>
  // CHECK: llvm.call @omp_get_num_threads
  // CHECK: %[[ID:.*]] = llvm.call @omp_get_thread_num
  // CHECK: scf.for %[[OTHER:.*]] = %{{.*}} to %[[SHARES:.*]] step
  // CHECK: %[[MINE:.*]] = arith.addi %{{.*}}, %[[OTHER]]
  // CHECK-NEXT: %[[SHARE:.*]] = arith.remui %[[MINE]], %[[SHARES]]
  // CHECK: %[[COUNTER:.*]] = llvm.getelementptr %[[COUNTERS]]
  // CHECK: scf.while (%[[SEEN:.*]] = %{{.*}}) : (i64) -> i64
  // CHECK: llvm.cmpxchg %[[COUNTER]], %{{.*}}, %{{.*}} monotonic monotonic
  // CHECK: scf.for %[[I:.*]] = %{{.*}} to %{{.*}} step
  // CHECK: %[[AT:.*]] = arith.index_cast %[[I]]
  // CHECK: arith.remui %[[AT]], %[[TRIPS]]
  // CHECK: arith.divui %[[AT]], %[[TRIPS]]
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

// The runtime's functions are declared once for all.
// CHECK-LABEL: func.func @others
// CHECK: llvm.call @omp_get_num_threads
func.func @others(%x: memref<12xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c12 = arith.constant 12 : index
  %zero = arith.constant 0.0 : f32
  scf.parallel (%i) = (%c0) to (%c12) step (%c1) {
    memref.store %zero, %x[%i] : memref<12xf32>
  }
  return
}
