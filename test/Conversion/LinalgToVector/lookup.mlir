// RUN: fptq-opt --fptq-lower-packed-lookup --split-input-file %s | FileCheck %s
// RUN: fptq-opt --fptq-lower-float-lookup --split-input-file %s | FileCheck %s --check-prefix=FLOAT

// A row of 22 channels in groups of 8: two whole groups of two quads, and a ragged one of a quad and a half.
// CHECK-LABEL: @ragged_rows
// CHECK: scf.for %[[M:.*]] =
// CHECK: %[[N:.*]] = memref.load %{{.*}}[%[[M]]] : memref<?xindex>
// CHECK: scf.for
// CHECK: vector.bitcast %{{.*}} : vector<2xi8> to vector<1xf16>
// CHECK: scf.for
// CHECK: %[[BYTES:.*]] = vector.load %{{.*}} : memref<1152xi8>, vector<4xi8>
// CHECK: arith.shrui %[[BYTES]]
// CHECK: arith.mulf %{{.*}} : vector<4xf32>
// CHECK: vector.store %{{.*}}, %{{.*}}[%[[M]], %{{.*}}] : memref<?x22xf32>, vector<4xf32>
// CHECK: vector.store %{{.*}}, %{{.*}}[%[[M]], %{{.*}}] : memref<?x22xf32>, vector<4xf32>
// CHECK: vector.store %{{.*}}, %{{.*}}[%[[M]], %{{.*}}] : memref<?x22xf32>, vector<2xf32>
// CHECK-NOT: fptq.packed_lookup
func.func @ragged_rows(%ids: memref<?xindex>, %table: memref<1152xi8>, %out: memref<?x22xf32>) {
  fptq.packed_lookup <group, group_size = 8, symmetric = true, method = rtn> <"x86"> rows(50) layer("e") ins(%ids : memref<?xindex>)
    weights(%table : memref<1152xi8>) outs(%out : memref<?x22xf32>)
  return
}

// -----

// FLOAT-LABEL: @float_table
// FLOAT-NOT: fptq.lookup
// FLOAT: linalg.generic
// FLOAT: tensor.extract %{{.*}} : tensor<16x8xf32>
func.func @float_table(%ids: tensor<?xindex>, %table: tensor<16x8xf32>) -> tensor<?x8xf32> {
  %0 = fptq.lookup %ids, %table layer("e") : (tensor<?xindex>, tensor<16x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
