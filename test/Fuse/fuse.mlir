// RUN: fptq-opt --fptq-quantize-weights --fptq-fuse %s | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>

// q, k and v quantize their input once.
// CHECK-LABEL: @shared_quantize_step
// CHECK-COUNT-1: fptq.quantize_activations
// CHECK-NOT: fptq.quantize_activations
// CHECK-COUNT-3: fptq.quantized_matmul
func.func @shared_quantize_step(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %wq = arith.constant {fptq.name = "q"} dense<1.0> : tensor<2x4xf32>
  %wk = arith.constant {fptq.name = "k"} dense<2.0> : tensor<2x4xf32>
  %wv = arith.constant {fptq.name = "v"} dense<3.0> : tensor<2x4xf32>
  %q = fptq.linear %x, %wq layer("q") {policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %k = fptq.linear %x, %wk layer("k") {policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %v = fptq.linear %x, %wv layer("v") {policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %q, %k, %v : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// A residual accumulated in place, then a bias: both in the epilogue.
// CHECK-LABEL: @residual_and_bias
// CHECK: fptq.quantized_matmul {{.*}} residual(%[[R:.*]] : tensor<3x2xf32>) outs(%[[R]] : tensor<3x2xf32>)
// CHECK: fptq.quantized_matmul {{.*}} bias(%{{.*}} : tensor<2xf32>)
// CHECK-NOT: arith.addf
func.func @residual_and_bias(%x: tensor<3x4xf32>, %r: tensor<3x2xf32>, %b: tensor<2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = arith.constant {fptq.name = "o"} dense<1.0> : tensor<2x4xf32>
  %u = arith.constant {fptq.name = "u"} dense<2.0> : tensor<2x4xf32>
  %e = tensor.empty() : tensor<3x2xf32>
  %y = fptq.linear %x, %w layer("o") {policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %s = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<3x2xf32>) outs(%r : tensor<3x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %a = arith.addf %out, %in : f32
    linalg.yield %a : f32
  } -> tensor<3x2xf32>
  %z = fptq.linear %x, %u layer("u") {policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %t = linalg.generic {indexing_maps = [#id, #column, #id], iterator_types = ["parallel", "parallel"]} ins(%z, %b : tensor<3x2xf32>, tensor<2xf32>) outs(%e : tensor<3x2xf32>) {
  ^bb0(%in: f32, %bias: f32, %out: f32):
    %a = arith.addf %in, %bias : f32
    linalg.yield %a : f32
  } -> tensor<3x2xf32>
  return %s, %t : tensor<3x2xf32>, tensor<3x2xf32>
}

// The product has another use: it must stay what it is.
// CHECK-LABEL: @product_used_twice
// CHECK: fptq.quantized_matmul
// CHECK-NOT: residual
// CHECK: arith.addf
func.func @product_used_twice(%x: tensor<3x4xf32>, %r: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = arith.constant {fptq.name = "p"} dense<1.0> : tensor<2x4xf32>
  %y = fptq.linear %x, %w layer("p") {policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %s = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%y : tensor<3x2xf32>) outs(%r : tensor<3x2xf32>) {
  ^bb0(%in: f32, %out: f32):
    %a = arith.addf %out, %in : f32
    linalg.yield %a : f32
  } -> tensor<3x2xf32>
  return %s, %y : tensor<3x2xf32>, tensor<3x2xf32>
}

// In a branch it is computed once at most; a branch in a loop is a loop.
// CHECK-LABEL: @added_in_a_branch
// CHECK-NOT: fptq.quantized_matmul
// CHECK: scf.if
// CHECK: fptq.quantized_matmul {{.*}} residual(%arg1
// CHECK-NOT: arith.addf
// CHECK: scf.for
// CHECK-NOT: fptq.quantized_matmul
// CHECK: arith.addf
func.func @added_in_a_branch(%x: tensor<3x4xf32>, %r: tensor<3x2xf32>, %n: index, %p: i1) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = arith.constant {fptq.name = "o"} dense<1.0> : tensor<2x4xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %y = fptq.linear %x, %w layer("o") {policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %s = scf.if %p -> tensor<3x2xf32> {
    %t = arith.addf %y, %r : tensor<3x2xf32>
    scf.yield %t : tensor<3x2xf32>
  } else {
    scf.yield %r : tensor<3x2xf32>
  }
  %v = arith.constant {fptq.name = "looped"} dense<1.0> : tensor<2x4xf32>
  %z = fptq.linear %x, %v layer("looped") {policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %l = scf.for %i = %c0 to %n step %c1 iter_args(%a = %r) -> tensor<3x2xf32> {
    %b = scf.if %p -> tensor<3x2xf32> {
      %t = arith.addf %z, %a : tensor<3x2xf32>
      scf.yield %t : tensor<3x2xf32>
    } else {
      scf.yield %a : tensor<3x2xf32>
    }
    scf.yield %b : tensor<3x2xf32>
  }
  return %s, %l : tensor<3x2xf32>, tensor<3x2xf32>
}

// In the loop the product would be computed in every iteration.
// CHECK-LABEL: @added_in_a_loop
// CHECK: fptq.quantized_matmul
// CHECK: scf.for
// CHECK-NOT: fptq.quantized_matmul
// CHECK: arith.addf
func.func @added_in_a_loop(%x: tensor<3x4xf32>, %r: tensor<3x2xf32>, %n: index) -> tensor<3x2xf32> {
  %w = arith.constant {fptq.name = "o"} dense<1.0> : tensor<2x4xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %y = fptq.linear %x, %w layer("o") {policy = #fptq.policy<per_token, "x">, scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %s = scf.for %i = %c0 to %n step %c1 iter_args(%a = %r) -> tensor<3x2xf32> {
    %t = arith.addf %y, %a : tensor<3x2xf32>
    scf.yield %t : tensor<3x2xf32>
  }
  return %s : tensor<3x2xf32>
}
