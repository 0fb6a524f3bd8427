// RUN: fptq-opt %s --pass-pipeline='builtin.module(func.func(fptq-bound-allocations))' | FileCheck %s

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
