// RUN: fptq-opt %s --pass-pipeline='builtin.module(func.func(fptq-bound-allocations))' --split-input-file --verify-diagnostics | FileCheck %s

// A size that is noted, and one that is the minimum of a tile's: 4 * 8 floats.
// CHECK-LABEL: @bounded
// CHECK: %[[ALL:.*]] = memref.alloc() {alignment = 64 : i64} : memref<128xi8>
// CHECK: %[[VIEW:.*]] = memref.view %[[ALL]][%{{.*}}][%[[N:.*]], %[[ROWS:.*]]] : memref<128xi8> to memref<?x?xf32>
// CHECK: return %[[VIEW]]
func.func @bounded(%a: index, %b: index) -> memref<?x?xf32> {
  %c8 = arith.constant 8 : index
  %n = arith.addi %a, %b {fptq.upper_bound = 4 : index} : index
  %rows = arith.minui %a, %c8 : index
  %m = memref.alloc(%n, %rows) : memref<?x?xf32>
  return %m : memref<?x?xf32>
}

// CHECK-LABEL: @one_size_is_unknown
// CHECK: memref.alloc(%{{.*}}, %{{.*}}) : memref<?x?xf32>
func.func @one_size_is_unknown(%a: index, %b: index) -> memref<?x?xf32> {
  %n = arith.addi %a, %b {fptq.upper_bound = 4 : index} : index
  %m = memref.alloc(%n, %a) : memref<?x?xf32>
  return %m : memref<?x?xf32>
}

// CHECK-LABEL: @bound_of_no_use
// CHECK: memref.alloc(%{{.*}}) : memref<?x4294967296xf32>
func.func @bound_of_no_use(%n: index) -> memref<?x4294967296xf32> {
  %most = arith.constant 4294967296 : index
  %rows = arith.minui %n, %most : index
  %m = memref.alloc(%rows) : memref<?x4294967296xf32>
  return %m : memref<?x4294967296xf32>
}

// -----

// Its bytes would wrap round to none.
func.func @wraps_to_nothing() -> memref<4294967296x4294967296xf32> {
  // expected-error@+1 {{needs a buffer of type 'memref<4294967296x4294967296xf32>', larger than any memory}}
  %m = memref.alloc() : memref<4294967296x4294967296xf32>
  return %m : memref<4294967296x4294967296xf32>
}
