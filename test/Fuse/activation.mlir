// RUN: fptq-opt --fptq-fuse --cse --remarks-filter=Fuse %s 2>&1 | FileCheck %s

#id = affine_map<(m, n) -> (m, n)>
#id3 = affine_map<(b, m, n) -> (b, m, n)>
#scalar = affine_map<(m, n) -> ()>
!q = tensor<?x8xi8>
!y = tensor<?x16xf32>

// SiLU over four operations, then the other half of the gated linear unit: one product has all of it, in the buffer
// of the other.
// CHECK: remark: [Passed] ActivationFused | Category:Fuse | layer=l
// CHECK-LABEL: @gated
// CHECK: %[[UP:.*]] = fptq.quantized_matmul {{.*}} weights(%{{.*}}, %{{.*}} : tensor<16x4xi8>, tensor<16x1xf32>) outs(
// CHECK: %[[Y:.*]] = fptq.quantized_matmul {{.*}} activation <silu> multiplicand(%[[UP]] : tensor<?x16xf32>) outs(%[[UP]] :
// CHECK-NEXT: return %[[Y]]
func.func @gated(%q: !q, %s: tensor<?xf32>, %t: tensor<?x1xi32>, %c: tensor<16x4xi8>, %w: tensor<16x1xf32>, %y: !y, %c2: tensor<16x4xi8>) -> !y {
  %g = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %u = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c2, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %one = arith.constant 1.0 : f32
  %tn = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%g : !y) outs(%y : !y) {
  ^bb0(%a0: f32, %o: f32):
    %z = arith.negf %a0 : f32
    linalg.yield %z : f32
  } -> !y
  %te = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%tn : !y) outs(%y : !y) {
  ^bb0(%a0: f32, %o: f32):
    %z = math.exp %a0 : f32
    linalg.yield %z : f32
  } -> !y
  %td = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%te : !y) outs(%y : !y) {
  ^bb0(%a0: f32, %o: f32):
    %z = arith.addf %a0, %one : f32
    linalg.yield %z : f32
  } -> !y
  %sg = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%td : !y) outs(%y : !y) {
  ^bb0(%a0: f32, %o: f32):
    %z = arith.divf %one, %a0 : f32
    linalg.yield %z : f32
  } -> !y
  %si = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%sg, %g : !y, !y) outs(%y : !y) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %z = arith.mulf %a0, %a1 : f32
    linalg.yield %z : f32
  } -> !y
  %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%u, %si : !y, !y) outs(%y : !y) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %z = arith.mulf %a0, %a1 : f32
    linalg.yield %z : f32
  } -> !y
  return %r : !y
}

// The same in one body, x / (1 + exp(0 - x)), and its product with what is no product of weights.
// CHECK-LABEL: @one_body
// CHECK: fptq.quantized_matmul {{.*}} activation <silu> multiplicand(%[[U:.*]] : tensor<?x16xf32>) outs(%arg5
// CHECK-NEXT: return
func.func @one_body(%q: !q, %s: tensor<?xf32>, %t: tensor<?x1xi32>, %c: tensor<16x4xi8>, %w: tensor<16x1xf32>, %y: !y, %u: !y) -> !y {
  %g = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%g, %u : !y, !y) outs(%y : !y) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %one = arith.constant 1.0 : f32
    %zero = arith.constant 0.0 : f32
    %n = arith.subf %zero, %a0 : f32
    %e = math.exp %n : f32
    %d = arith.addf %one, %e : f32
    %si = arith.divf %a0, %d : f32
    %z = arith.mulf %si, %a1 : f32
    linalg.yield %z : f32
  } -> !y
  return %r : !y
}

// x * 0.5 * (1 + erf(x / sqrt(2))), on whole tensors.
// CHECK-LABEL: @gelu_on_tensors
// CHECK: fptq.quantized_matmul {{.*}} activation <gelu> outs(
// CHECK-NEXT: return
func.func @gelu_on_tensors(%q: tensor<4x8xi8>, %s: tensor<4xf32>, %t: tensor<4x1xi32>, %c: tensor<16x4xi8>, %w: tensor<16x1xf32>, %y: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %x = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : tensor<4x8xi8>, tensor<4xf32>, tensor<4x1xi32>) weights(%c, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : tensor<4x16xf32>) -> tensor<4x16xf32>
  %half = arith.constant dense<0.5> : tensor<4x16xf32>
  %one = arith.constant dense<1.0> : tensor<4x16xf32>
  %root = arith.constant dense<1.41421354> : tensor<4x16xf32>
  %h = arith.mulf %x, %half : tensor<4x16xf32>
  %v = arith.divf %x, %root : tensor<4x16xf32>
  %e = math.erf %v : tensor<4x16xf32>
  %p = arith.addf %e, %one : tensor<4x16xf32>
  %r = arith.mulf %h, %p : tensor<4x16xf32>
  return %r : tensor<4x16xf32>
}

// jax: 0.5 * x * erfc(-x * sqrt(0.5)).
// CHECK-LABEL: @gelu_erfc
// CHECK: fptq.quantized_matmul {{.*}} activation <gelu> outs(
// CHECK-NEXT: return
func.func @gelu_erfc(%q: !q, %s: tensor<?xf32>, %t: tensor<?x1xi32>, %c: tensor<16x4xi8>, %w: tensor<16x1xf32>, %y: !y) -> !y {
  %x = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : !y) outs(%y : !y) {
  ^bb0(%a0: f32, %o: f32):
    %k = arith.constant 0.707106769 : f32
    %half = arith.constant 0.5 : f32
    %n = arith.negf %a0 : f32
    %v = arith.mulf %n, %k : f32
    %e = math.erfc %v : f32
    %h = arith.mulf %half, %a0 : f32
    %z = arith.mulf %h, %e : f32
    linalg.yield %z : f32
  } -> !y
  return %r : !y
}

// The cube as a power, as an integer power and as products; rows of a batch.
// CHECK-LABEL: @gelu_tanh_powf
// CHECK: fptq.quantized_matmul {{.*}} activation <gelu_tanh> outs(
// CHECK-NEXT: return
func.func @gelu_tanh_powf(%q: !q, %s: tensor<?xf32>, %t: tensor<?x1xi32>, %c: tensor<16x4xi8>, %w: tensor<16x1xf32>, %y: !y) -> !y {
  %x = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : !y) outs(%y : !y) {
  ^bb0(%a0: f32, %o: f32):
    %k = arith.constant 0.797884583 : f32
    %cc = arith.constant 4.471500e-02 : f32
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %three = arith.constant 3.0 : f32
    %cube = math.powf %a0, %three : f32
    %v = arith.mulf %cube, %cc : f32
    %i = arith.addf %a0, %v : f32
    %j = arith.mulf %i, %k : f32
    %th = math.tanh %j : f32
    %p = arith.addf %one, %th : f32
    %h = arith.mulf %half, %p : f32
    %z = arith.mulf %a0, %h : f32
    linalg.yield %z : f32
  } -> !y
  return %r : !y
}

// CHECK-LABEL: @gelu_tanh_fpowi
// CHECK: fptq.quantized_matmul {{.*}} activation <gelu_tanh> outs(
// CHECK-NEXT: return
func.func @gelu_tanh_fpowi(%q: !q, %s: tensor<?xf32>, %t: tensor<?x1xi32>, %c: tensor<16x4xi8>, %w: tensor<16x1xf32>, %y: !y) -> !y {
  %x = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : !y) outs(%y : !y) {
  ^bb0(%a0: f32, %o: f32):
    %k = arith.constant 0.797884583 : f32
    %cc = arith.constant 4.471500e-02 : f32
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %three = arith.constant 3 : i32
    %cube = math.fpowi %a0, %three : f32, i32
    %v = arith.mulf %cube, %cc : f32
    %i = arith.addf %a0, %v : f32
    %j = arith.mulf %i, %k : f32
    %th = math.tanh %j : f32
    %p = arith.addf %one, %th : f32
    %h = arith.mulf %half, %p : f32
    %z = arith.mulf %a0, %h : f32
    linalg.yield %z : f32
  } -> !y
  return %r : !y
}

// CHECK-LABEL: @batch
// CHECK: %[[R:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0, 1], [2]]
// CHECK: %[[Y:.*]] = fptq.quantized_matmul {{.*}} activation <gelu_tanh> residual(%[[R]] : tensor<?x16xf32>)
// CHECK: tensor.expand_shape %[[Y]]
// CHECK-NEXT: return
func.func @batch(%q: !q, %s: tensor<?xf32>, %t: tensor<?x1xi32>, %c: tensor<16x4xi8>, %w: tensor<16x1xf32>, %y: !y, %m: index, %res: tensor<2x?x16xf32>, %e: tensor<2x?x16xf32>) -> tensor<2x?x16xf32> {
  %x = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %x3 = tensor.expand_shape %x [[0, 1], [2]] output_shape [2, %m, 16] : !y into tensor<2x?x16xf32>
  %a = linalg.generic {indexing_maps = [#id3, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x3 : tensor<2x?x16xf32>) outs(%e : tensor<2x?x16xf32>) {
  ^bb0(%a0: f32, %o: f32):
    %k = arith.constant 0.797884583 : f32
    %cc = arith.constant 4.471500e-02 : f32
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %s2 = arith.mulf %a0, %a0 : f32
    %cube = arith.mulf %s2, %a0 : f32
    %v = arith.mulf %cube, %cc : f32
    %i = arith.addf %a0, %v : f32
    %j = arith.mulf %i, %k : f32
    %th = math.tanh %j : f32
    %p = arith.addf %one, %th : f32
    %h = arith.mulf %half, %p : f32
    %z = arith.mulf %a0, %h : f32
    linalg.yield %z : f32
  } -> tensor<2x?x16xf32>
  %r = linalg.generic {indexing_maps = [#id3, #id3, #id3], iterator_types = ["parallel", "parallel", "parallel"]} ins(%a, %res : tensor<2x?x16xf32>, tensor<2x?x16xf32>) outs(%e : tensor<2x?x16xf32>) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %z = arith.addf %a0, %a1 : f32
    linalg.yield %z : f32
  } -> tensor<2x?x16xf32>
  return %r : tensor<2x?x16xf32>
}

// Not an activation of the epilogue: another constant, another order, another reader, a factor of its own.
// CHECK-LABEL: @left_alone
// CHECK-COUNT-4: fptq.quantized_matmul {{.*}} tensor<16x1xf32>) outs(
// CHECK: return
func.func @left_alone(%q: !q, %s: tensor<?xf32>, %t: tensor<?x1xi32>, %c: tensor<16x4xi8>, %w: tensor<16x1xf32>, %y: !y, %c2: tensor<16x4xi8>, %c3: tensor<16x4xi8>, %c4: tensor<16x4xi8>) -> (!y, !y, !y, !y, !y) {
  %x = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %x2 = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c2, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %x3 = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c3, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %x4 = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c4, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : !y) outs(%y : !y) {
  ^bb0(%a0: f32, %o: f32):
    %k = arith.constant 0.797884583 : f32
    %cc = arith.constant 4.471500e-02 : f32
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %sq = arith.mulf %a0, %a0 : f32
    %cube = arith.mulf %sq, %sq : f32
    %v = arith.mulf %cube, %cc : f32
    %i = arith.addf %a0, %v : f32
    %j = arith.mulf %i, %k : f32
    %th = math.tanh %j : f32
    %p = arith.addf %one, %th : f32
    %h = arith.mulf %half, %p : f32
    %z = arith.mulf %a0, %h : f32
    linalg.yield %z : f32
  } -> !y
  %r2 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x2 : !y) outs(%y : !y) {
  ^bb0(%a0: f32, %o: f32):
    %one = arith.constant 2.0 : f32
    %n = arith.negf %a0 : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %z = arith.divf %a0, %d : f32
    linalg.yield %z : f32
  } -> !y
  %r3 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x3 : !y) outs(%y : !y) {
  ^bb0(%a0: f32, %o: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %a0 : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %z = arith.divf %a0, %d : f32
    linalg.yield %z : f32
  } -> !y
  %two = arith.constant dense<2.0> : tensor<f32>
  %r4 = linalg.generic {indexing_maps = [#id, #scalar, #id], iterator_types = ["parallel", "parallel"]} ins(%x4, %two : !y, tensor<f32>) outs(%y : !y) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %z = arith.mulf %a0, %a1 : f32
    linalg.yield %z : f32
  } -> !y
  return %r, %r2, %r3, %x3, %r4 : !y, !y, !y, !y, !y
}

// What comes after the residual is not the epilogue's; a second factor is not either.
// CHECK-LABEL: @order
// CHECK: fptq.quantized_matmul {{.*}} residual(%{{.*}}) outs(
// CHECK: math.exp
// CHECK: fptq.quantized_matmul {{.*}} multiplicand(%arg6 : tensor<?x16xf32>) outs(
// CHECK: linalg.generic
// CHECK: return
func.func @order(%q: !q, %s: tensor<?xf32>, %t: tensor<?x1xi32>, %c: tensor<16x4xi8>, %w: tensor<16x1xf32>, %y: !y, %u: !y, %v: !y, %c2: tensor<16x4xi8>) -> (!y, !y) {
  %x = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %a = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %u : !y, !y) outs(%y : !y) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %z = arith.addf %a0, %a1 : f32
    linalg.yield %z : f32
  } -> !y
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : !y) outs(%y : !y) {
  ^bb0(%a0: f32, %o: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %a0 : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %z = arith.divf %a0, %d : f32
    linalg.yield %z : f32
  } -> !y
  %x2 = fptq.quantized_matmul <group, group_size = 8, symmetric = true, method = rtn> layer("l") ins(%q, %s, %t : !q, tensor<?xf32>, tensor<?x1xi32>) weights(%c2, %w : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : !y) -> !y
  %m = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%x2, %u : !y, !y) outs(%y : !y) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %z = arith.mulf %a0, %a1 : f32
    linalg.yield %z : f32
  } -> !y
  %r2 = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%m, %v : !y, !y) outs(%y : !y) {
  ^bb0(%a0: f32, %a1: f32, %o: f32):
    %z = arith.mulf %a0, %a1 : f32
    linalg.yield %z : f32
  } -> !y
  return %r, %r2 : !y, !y
}
