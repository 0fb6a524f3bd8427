// RUN: fptq-opt %s --fptq-prefetch-streams | FileCheck %s
// RUN: fptq-opt %s --fptq-prefetch-streams=window=8192 | FileCheck %s --check-prefix=WINDOW

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

// Keys and values of a head: while keys are read, the values of the same positions come into L2; while those are, the
// next head's keys. A window of 8 KB ends with row 63.

// CHECK-LABEL: func.func @heads
// CHECK-SAME: %[[K:[a-z0-9]+]]: memref<12x512x64xf16>, %[[V:[a-z0-9]+]]: memref<12x512x64xf16>
// CHECK: scf.for %[[HEAD:.*]] = %c0 to %c12
// CHECK: scf.for %[[T:.*]] = %c0 to
// CHECK-NEXT: memref.prefetch %[[V]][%[[HEAD]], %[[T]], %c0], read, locality<2>, data
// CHECK: memref.prefetch %[[K]][%[[HEAD]], %{{.*}}, %c0], read, locality<3>, data
// CHECK: scf.for %[[U:.*]] = %c0 to
// CHECK: %[[NEXT:.*]] = arith.addi %[[HEAD]], %c1
// CHECK-NEXT: memref.prefetch %[[K]][%[[NEXT]], %[[U]], %c0], read, locality<2>, data
// CHECK: memref.prefetch %[[V]][%[[HEAD]], %{{.*}}, %c0], read, locality<3>, data
// WINDOW-LABEL: func.func @heads
// WINDOW: scf.for %[[T:.*]] = %c0 to %{{.*}} iter_args
// WINDOW: %[[LAST:.*]] = arith.constant 63
// WINDOW: %[[ROW:.*]] = arith.minui %[[T]], %[[LAST]]
// WINDOW: memref.prefetch %{{.*}}[%{{.*}}, %[[ROW]], %c0], read, locality<2>, data
func.func @heads(%k: memref<12x512x64xf16>, %v: memref<12x512x64xf16>, %length: index, %out: memref<12x32xf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c12 = arith.constant 12 : index
  %pad = arith.constant 0.0 : f16
  %zero = arith.constant dense<0.0> : vector<32xf16>
  scf.for %head = %c0 to %c12 step %c1 {
    %keys = scf.for %t = %c0 to %length step %c1 iter_args(%acc = %zero) -> vector<32xf16> {
      %row = vector.transfer_read %k[%head, %t, %c0], %pad {in_bounds = [true]} : memref<12x512x64xf16>, vector<32xf16>
      %next = arith.addf %row, %acc : vector<32xf16>
      scf.yield %next : vector<32xf16>
    }
    %sum = scf.for %t = %c0 to %length step %c1 iter_args(%acc = %keys) -> vector<32xf16> {
      %row = vector.transfer_read %v[%head, %t, %c0], %pad {in_bounds = [true]} : memref<12x512x64xf16>, vector<32xf16>
      %next = arith.addf %row, %acc : vector<32xf16>
      scf.yield %next : vector<32xf16>
    }
    vector.transfer_write %sum, %out[%head, %c0] {in_bounds = [true]} : vector<32xf16>, memref<12x32xf16>
  }
  return
}

// Blocks of queries read the same head again and again: no keys are to come after its values.

// CHECK-LABEL: func.func @queries
// CHECK-SAME: %[[K:[a-z0-9]+]]: memref<12x512x64xf16>, %[[V:[a-z0-9]+]]: memref<12x512x64xf16>
// CHECK: memref.prefetch %[[V]]{{.*}} locality<2>
// CHECK-NOT: memref.prefetch %[[K]]{{.*}} locality<2>
// CHECK: return
func.func @queries(%k: memref<12x512x64xf16>, %v: memref<12x512x64xf16>, %head: index, %length: index, %out: memref<8x32xf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %pad = arith.constant 0.0 : f16
  %zero = arith.constant dense<0.0> : vector<32xf16>
  scf.for %query = %c0 to %c8 step %c1 {
    %keys = scf.for %t = %c0 to %length step %c1 iter_args(%acc = %zero) -> vector<32xf16> {
      %row = vector.transfer_read %k[%head, %t, %c0], %pad {in_bounds = [true]} : memref<12x512x64xf16>, vector<32xf16>
      %next = arith.addf %row, %acc : vector<32xf16>
      scf.yield %next : vector<32xf16>
    }
    %sum = scf.for %t = %c0 to %length step %c1 iter_args(%acc = %keys) -> vector<32xf16> {
      %row = vector.transfer_read %v[%head, %t, %c0], %pad {in_bounds = [true]} : memref<12x512x64xf16>, vector<32xf16>
      %next = arith.addf %row, %acc : vector<32xf16>
      scf.yield %next : vector<32xf16>
    }
    vector.transfer_write %sum, %out[%query, %c0] {in_bounds = [true]} : vector<32xf16>, memref<8x32xf16>
  }
  return
}

// Nothing is fetched for a stream whose place is not known yet, nor for one of another type.

// CHECK-LABEL: func.func @late
// CHECK-NOT: locality<2>
// CHECK: return
func.func @late(%k: memref<12x512x64xf16>, %v: memref<12x512x64xf16>, %w: memref<12x512x32xf16>, %places: memref<12xindex>,
                %length: index, %out: memref<12x32xf16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c12 = arith.constant 12 : index
  %pad = arith.constant 0.0 : f16
  %zero = arith.constant dense<0.0> : vector<32xf16>
  scf.for %head = %c0 to %c12 step %c1 {
    %first = scf.for %t = %c0 to %length step %c1 iter_args(%acc = %zero) -> vector<32xf16> {
      %row = vector.transfer_read %w[%head, %t, %c0], %pad {in_bounds = [true]} : memref<12x512x32xf16>, vector<32xf16>
      %next = arith.addf %row, %acc : vector<32xf16>
      scf.yield %next : vector<32xf16>
    }
    %second = scf.for %t = %c0 to %length step %c1 iter_args(%acc = %first) -> vector<32xf16> {
      %row = vector.transfer_read %k[%c0, %t, %c0], %pad {in_bounds = [true]} : memref<12x512x64xf16>, vector<32xf16>
      %next = arith.addf %row, %acc : vector<32xf16>
      scf.yield %next : vector<32xf16>
    }
    %place = memref.load %places[%head] : memref<12xindex>
    %sum = scf.for %t = %c0 to %length step %c1 iter_args(%acc = %second) -> vector<32xf16> {
      %row = vector.transfer_read %v[%place, %t, %c0], %pad {in_bounds = [true]} : memref<12x512x64xf16>, vector<32xf16>
      %next = arith.addf %row, %acc : vector<32xf16>
      scf.yield %next : vector<32xf16>
    }
    vector.transfer_write %sum, %out[%head, %c0] {in_bounds = [true]} : vector<32xf16>, memref<12x32xf16>
  }
  return
}
