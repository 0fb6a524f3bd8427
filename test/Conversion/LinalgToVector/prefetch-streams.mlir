// RUN: fptq-opt %s --fptq-prefetch-streams | FileCheck %s

// Values of a cache: 2 KB ahead are 16 rows of 64 halves, two cache lines each. The vector that stays is not prefetched.

// CHECK-LABEL: func.func @rows
// CHECK-SAME: %[[V:.*]]: memref<12x?x64xf16>
func.func @rows(%v: memref<12x?x64xf16>, %q: memref<12x64xf16>, %head: index, %length: index) -> vector<64xf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %pad = arith.constant 0.0 : f16
  %zero = arith.constant dense<0.0> : vector<64xf16>
  // CHECK: scf.for %[[T:.*]] = %c0 to %{{.*}} step %c1
  // CHECK-DAG: %[[C16:.*]] = arith.constant 16
  // CHECK: %[[AHEAD:.*]] = arith.addi %[[T]], %[[C16]]
  // CHECK: memref.prefetch %[[V]][%{{.*}}, %[[AHEAD]], %c0], read, locality<3>, data
  // CHECK: %[[C32:.*]] = arith.constant 32
  // CHECK: %[[LINE:.*]] = arith.addi %c0, %[[C32]]
  // CHECK: memref.prefetch %[[V]][%{{.*}}, %[[AHEAD]], %[[LINE]]], read, locality<3>, data
  // CHECK-NOT: memref.prefetch
  %sum = scf.for %t = %c0 to %length step %c1 iter_args(%acc = %zero) -> vector<64xf16> {
    %row = vector.transfer_read %v[%head, %t, %c0], %pad {in_bounds = [true]} : memref<12x?x64xf16>, vector<64xf16>
    %x = vector.transfer_read %q[%head, %c0], %pad {in_bounds = [true]} : memref<12x64xf16>, vector<64xf16>
    %next = math.fma %row, %x, %acc : vector<64xf16>
    scf.yield %next : vector<64xf16>
  }
  return %sum : vector<64xf16>
}

// What does not accumulate, or ends at a known place, is left alone: weights, elementwise ops.

// CHECK-LABEL: func.func @others
// CHECK-NOT: memref.prefetch
func.func @others(%x: memref<?x64xf32>, %w: memref<256x64xf32>, %length: index) -> vector<16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c256 = arith.constant 256 : index
  %pad = arith.constant 0.0 : f32
  %zero = arith.constant dense<0.0> : vector<16xf32>
  scf.for %t = %c0 to %length step %c1 {
    %row = vector.transfer_read %x[%t, %c0], %pad {in_bounds = [true]} : memref<?x64xf32>, vector<16xf32>
    vector.transfer_write %row, %x[%t, %c0] {in_bounds = [true]} : vector<16xf32>, memref<?x64xf32>
  }
  %sum = scf.for %k = %c0 to %c256 step %c1 iter_args(%acc = %zero) -> vector<16xf32> {
    %row = vector.transfer_read %w[%k, %c0], %pad {in_bounds = [true]} : memref<256x64xf32>, vector<16xf32>
    %next = arith.addf %row, %acc : vector<16xf32>
    scf.yield %next : vector<16xf32>
  }
  return %sum : vector<16xf32>
}
