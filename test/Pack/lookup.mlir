// RUN: fptq-opt --fptq-pack --cse %s | FileCheck %s --check-prefixes=CHECK,X86
// RUN: fptq-opt --fptq-pack=layout=nvptx --cse %s | FileCheck %s --check-prefixes=CHECK,NVPTX

// A lookup and the product of the same codes are one string of bytes.
// CHECK-COUNT-1: arith.constant dense_resource<head.packed>
// X86: fptq.packed_lookup <group, group_size = 4, symmetric = true, method = rtn> <"x86"> rows(2) layer("head.lookup") ins(%{{.*}} : tensor<?xindex>) weights(%[[BYTES:.*]] : tensor<512xi8>) outs(%{{.*}} : tensor<?x8xf32>)
// NVPTX: fptq.packed_lookup <group, group_size = 4, symmetric = true, method = rtn> <"nvptx"> rows(2) layer("head.lookup") ins(%{{.*}} : tensor<?xindex>) weights(%[[BYTES:.*]] : tensor<640xi8>)
// CHECK-SAME: {fptq.reason = "rule"}
// CHECK: fptq.packed_matmul {{.*}} weights(%[[BYTES]] :
// CHECK-NOT: fptq.quantized_lookup
func.func @f(%ids: tensor<?xindex>, %m: index) -> tensor<?x2xf32> {
  %c = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : tensor<2x4xi8>
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %e = tensor.empty(%m) : tensor<?x8xf32>
  %x = fptq.quantized_lookup <group, group_size = 4, symmetric = true, method = rtn> layer("head.lookup") ins(%ids : tensor<?xindex>)
    weights(%c, %w : tensor<2x4xi8>, tensor<2x2xf32>) outs(%e : tensor<?x8xf32>) {fptq.reason = "rule"} -> tensor<?x8xf32>
  %q = tensor.empty(%m) : tensor<?x8xi8>
  %s = tensor.empty(%m) : tensor<?xf32>
  %t = tensor.empty(%m) : tensor<?x2xi32>
  %y = tensor.empty(%m) : tensor<?x2xf32>
  %0:3 = fptq.quantize_activations group_size(4) padded_group_size(4) ins(%x : tensor<?x8xf32>)
    outs(%q, %s, %t : tensor<?x8xi8>, tensor<?xf32>, tensor<?x2xi32>) -> tensor<?x8xi8>, tensor<?xf32>, tensor<?x2xi32>
  %1 = fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = rtn> layer("head")
    ins(%0#0, %0#1, %0#2 : tensor<?x8xi8>, tensor<?xf32>, tensor<?x2xi32>)
    weights(%c, %w : tensor<2x4xi8>, tensor<2x2xf32>) outs(%y : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}
