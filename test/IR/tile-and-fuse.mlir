// RUN: fptq-opt --transform-interpreter --canonicalize %s | FileCheck %s

// A consumer's tiles of whole rows take the packed product with them.
// CHECK-LABEL: @rows
// CHECK: scf.for
// CHECK: fptq.packed_matmul {{.*}} -> tensor<2x16xf32>
// CHECK: linalg.exp {{.*}} -> tensor<2x16xf32>
// CHECK: scf.yield

// Tiles of columns do not: a packed weight has no part for them. The product stays whole, before the loop.
// CHECK-LABEL: @columns
// CHECK: fptq.packed_matmul {{.*}} -> tensor<4x16xf32>
// CHECK: scf.for
// CHECK: linalg.exp {{.*}} -> tensor<2x8xf32>
#map = affine_map<(m, n) -> (m, n)>
module attributes {transform.with_named_sequence} {
  func.func @rows(%q: tensor<4x32xi8>, %s: tensor<4xf32>, %t: tensor<4x1xi32>, %p: tensor<640xi8>, %y: tensor<4x16xf32>) -> tensor<4x16xf32> {
    %0 = fptq.packed_matmul <group, group_size = 32, symmetric = true, method = rtn> <"x86"> k(32) layer("a")
      ins(%q, %s, %t : tensor<4x32xi8>, tensor<4xf32>, tensor<4x1xi32>) weights(%p : tensor<640xi8>)
      outs(%y : tensor<4x16xf32>) -> tensor<4x16xf32>
    %1 = linalg.exp {rows} ins(%0 : tensor<4x16xf32>) outs(%y : tensor<4x16xf32>) -> tensor<4x16xf32>
    return %1 : tensor<4x16xf32>
  }
  func.func @columns(%q: tensor<4x32xi8>, %s: tensor<4xf32>, %t: tensor<4x1xi32>, %p: tensor<640xi8>, %y: tensor<4x16xf32>) -> tensor<4x16xf32> {
    %0 = fptq.packed_matmul <group, group_size = 32, symmetric = true, method = rtn> <"x86"> k(32) layer("a")
      ins(%q, %s, %t : tensor<4x32xi8>, tensor<4xf32>, tensor<4x1xi32>) weights(%p : tensor<640xi8>)
      outs(%y : tensor<4x16xf32>) -> tensor<4x16xf32>
    %1 = linalg.exp {columns} ins(%0 : tensor<4x16xf32>) outs(%y : tensor<4x16xf32>) -> tensor<4x16xf32>
    return %1 : tensor<4x16xf32>
  }
  transform.named_sequence @__transform_main(%root: !transform.any_op) {
    %rows = transform.structured.match attributes {rows} in %root : (!transform.any_op) -> !transform.any_op
    %a, %loop = transform.structured.fuse %rows tile_sizes [2] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %columns = transform.structured.match attributes {columns} in %root : (!transform.any_op) -> !transform.any_op
    %b, %loops:2 = transform.structured.fuse %columns tile_sizes [2, 8] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}
