// RUN: fptq-opt %s | fptq-opt | FileCheck %s
// RUN: fptq-opt %s --emit-bytecode | fptq-opt | FileCheck %s

// CHECK-LABEL: @float_form
func.func @float_form(%x: tensor<?x256xf32>, %w: tensor<768x256xf16>, %s: tensor<256xf32>) -> tensor<?x768xf32> {
  // CHECK: fptq.scale_channels %{{.*}}, %{{.*}} dim(1) : tensor<?x256xf32>, tensor<256xf32>
  %x1 = fptq.scale_channels %x, %s dim(1) : tensor<?x256xf32>, tensor<256xf32>
  // CHECK: fptq.observe %{{.*}} layer("a") : tensor<?x256xf32>
  fptq.observe %x1 layer("a") : tensor<?x256xf32>
  // CHECK: fptq.linear %{{.*}}, %{{.*}} layer("a")
  // CHECK-SAME: policy = #fptq.policy<per_token, "v = 200 >= 150 (v1)">
  // CHECK-SAME: range = #fptq.range<min = -1.500000e+00, max = 2.000000e+00, absmax = 2.000000e+00, tokens = 5>
  // CHECK-SAME: scheme = #fptq.scheme<group, group_size = 128, symmetric = true, method = rtn>
  %y = fptq.linear %x1, %w layer("a") {
    policy = #fptq.policy<per_token, "v = 200 >= 150 (v1)">,
    range = #fptq.range<min = -1.5, max = 2.0, absmax = 2.0, tokens = 5>,
    scheme = #fptq.scheme<group, group_size = 128, symmetric = true, method = rtn>
  } : (tensor<?x256xf32>, tensor<768x256xf16>) -> tensor<?x768xf32>
  return %y : tensor<?x768xf32>
}

// CHECK-LABEL: @integer_form
func.func @integer_form(%x: tensor<?x8xf16>, %m: tensor<8xf32>, %scale: f32, %q: tensor<?x8xi8>, %s: tensor<?xf32>, %t: tensor<?x2xi32>,
                        %codes: tensor<16x4xi8>, %scales: tensor<16xf32>, %b: tensor<16x2xi8>, %a: tensor<16x2xi8>,
                        %bias: tensor<16xf32>, %r: tensor<?x16xf32>) -> tensor<?x16xf32> {
  // CHECK: fptq.quantize_activations group_size(4) padded_group_size(4) ins(%{{.*}} : tensor<?x8xf16>) multiplier(%{{.*}} : tensor<8xf32>) static_scale(%{{.*}}) outs(
  %0:3 = fptq.quantize_activations group_size(4) padded_group_size(4) ins(%x : tensor<?x8xf16>) multiplier(%m : tensor<8xf32>)
    static_scale(%scale) outs(%q, %s, %t : tensor<?x8xi8>, tensor<?xf32>, tensor<?x2xi32>) -> tensor<?x8xi8>, tensor<?xf32>, tensor<?x2xi32>
  // CHECK: fptq.quantized_matmul <two_level, group_size = 4, symmetric = false, method = mse> layer("a")
  // CHECK-SAME: zeros(%{{.*}}) multipliers(%{{.*}}) bias(%{{.*}}) activation <gelu_tanh> multiplicand(%{{.*}}) residual(%{{.*}}) outs(
  %1 = fptq.quantized_matmul <two_level, group_size = 4, symmetric = false, method = mse> layer("a")
    ins(%0#0, %0#1, %0#2 : tensor<?x8xi8>, tensor<?xf32>, tensor<?x2xi32>) weights(%codes, %scales : tensor<16x4xi8>, tensor<16xf32>)
    zeros(%b : tensor<16x2xi8>) multipliers(%a : tensor<16x2xi8>) bias(%bias : tensor<16xf32>) activation <gelu_tanh>
    multiplicand(%r : tensor<?x16xf32>) residual(%r : tensor<?x16xf32>)
    outs(%r : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %1 : tensor<?x16xf32>
}

// CHECK-LABEL: @packed_form
func.func @packed_form(%codes: tensor<16x4xi8>, %scales: tensor<16x1xf32>, %q: memref<?x8xi8>, %s: memref<?xf32>, %t: memref<?x1xi32>,
                       %w: memref<256xi8>, %y: memref<?x16xf32>) -> tensor<16x1xf32> {
  // CHECK: fptq.pack <group, group_size = 8, symmetric = true, method = rtn> <"x86"> k(8)
  %p = fptq.pack <group, group_size = 8, symmetric = true, method = rtn> <"x86"> k(8)
    weights(%codes, %scales : tensor<16x4xi8>, tensor<16x1xf32>) -> tensor<256xi8>
  // CHECK: fptq.unpack <group, group_size = 8, symmetric = true, method = rtn> <"x86"> k(8)
  %u:2 = fptq.unpack <group, group_size = 8, symmetric = true, method = rtn> <"x86"> k(8) %p : tensor<256xi8> -> tensor<16x4xi8>, tensor<16x1xf32>
  // CHECK: fptq.packed_matmul <group, group_size = 8, symmetric = true, method = rtn> <"x86"> k(8) layer("a")
  fptq.packed_matmul <group, group_size = 8, symmetric = true, method = rtn> <"x86"> k(8) layer("a")
    ins(%q, %s, %t : memref<?x8xi8>, memref<?xf32>, memref<?x1xi32>) weights(%w : memref<256xi8>) outs(%y : memref<?x16xf32>)
  return %u#1 : tensor<16x1xf32>
}

// CHECK-LABEL: @dequantize
func.func @dequantize(%c: tensor<2x2xi8>, %b: tensor<2x4xi8>, %s: tensor<2x1xf16>, %z: tensor<2x1xi8>, %o: tensor<2x1xf32>) {
  // CHECK: fptq.dequantize %{{.*}}, %{{.*}} bits(4) group_size(4) : (tensor<2x2xi8>, tensor<2x1xf16>) -> tensor<2x4xf32>
  %0 = fptq.dequantize %c, %s bits(4) group_size(4) : (tensor<2x2xi8>, tensor<2x1xf16>) -> tensor<2x4xf32>
  // CHECK: fptq.dequantize %{{.*}}, %{{.*}} zeros(%{{.*}}) bits(4)
  %1 = fptq.dequantize %c, %s zeros(%z) bits(4) group_size(4) : (tensor<2x2xi8>, tensor<2x1xf16>, tensor<2x1xi8>) -> tensor<2x4xf32>
  // CHECK: fptq.dequantize %{{.*}}, %{{.*}} offsets(%{{.*}}) bits(4)
  %2 = fptq.dequantize %c, %s offsets(%o) bits(4) group_size(4) : (tensor<2x2xi8>, tensor<2x1xf16>, tensor<2x1xf32>) -> tensor<2x4xf32>
  // CHECK: fptq.dequantize %{{.*}}, %{{.*}} bits(8)
  %3 = fptq.dequantize %b, %s bits(8) group_size(4) : (tensor<2x4xi8>, tensor<2x1xf16>) -> tensor<2x4xf32>
  return
}

// CHECK-LABEL: @rows
func.func @rows(%x: tensor<?x8xf32>, %gamma: tensor<8xf16>, %eps: f32, %scale: f32, %q: tensor<?x8xi8>, %s: tensor<?xf32>,
                %t: tensor<?x2xi32>) -> tensor<?x8xi8> {
  // CHECK: fptq.quantize_rows channels(8) group_size(4) padded_group_size(4) maps [#{{.*}}, #{{.*}}, #{{.*}}]
  // CHECK-SAME: ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<8xf16>, f32) static_scale(%{{.*}}) outs(
  // CHECK-NEXT: ^bb0(%[[E:.*]]: f32, %{{.*}}: f16, %{{.*}}: f32):
  // CHECK-NEXT: fptq.row_sum %[[E]] * %[[E]] : f32
  // CHECK-NEXT: %[[SUM:.*]] = fptq.row_sum %[[E]] : f32
  // CHECK: fptq.yield
  // CHECK-NEXT: } -> tensor<?x8xi8>, tensor<?xf32>, tensor<?x2xi32>
  %0:3 = fptq.quantize_rows channels(8) group_size(4) padded_group_size(4)
    maps [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (k)>, affine_map<(m, k) -> ()>]
    ins(%x, %gamma, %eps : tensor<?x8xf32>, tensor<8xf16>, f32) static_scale(%scale)
    outs(%q, %s, %t : tensor<?x8xi8>, tensor<?xf32>, tensor<?x2xi32>) {
  ^bb0(%e: f32, %g: f16, %a: f32):
    %squares = fptq.row_sum %e * %e : f32
    %sum = fptq.row_sum %e : f32
    %b = arith.addf %squares, %sum : f32
    %c = arith.addf %b, %a : f32
    fptq.yield %c : f32
  } -> tensor<?x8xi8>, tensor<?xf32>, tensor<?x2xi32>
  return %0#0 : tensor<?x8xi8>
}

// CHECK-LABEL: @lookups
func.func @lookups(%ids: tensor<?xindex>, %table: tensor<16x8xf16>, %codes: tensor<16x4xi8>, %scales: tensor<16xf16>, %b: tensor<16x2xi8>,
                   %a: tensor<16x2xi8>, %e: tensor<?x8xf32>, %some: memref<3xindex>, %packed: memref<256xi8>, %out: memref<3x8xf32>) {
  // CHECK: fptq.lookup %{{.*}}, %{{.*}} layer("e") {reason = "rule", scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>} : (tensor<?xindex>, tensor<16x8xf16>) -> tensor<?x8xf32>
  %0 = fptq.lookup %ids, %table layer("e") {reason = "rule", scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>}
    : (tensor<?xindex>, tensor<16x8xf16>) -> tensor<?x8xf32>
  // CHECK: fptq.quantized_lookup <two_level, group_size = 4, symmetric = false, method = mse> layer("e") ins(%{{.*}} : tensor<?xindex>) weights(%{{.*}}, %{{.*}} : tensor<16x4xi8>, tensor<16xf16>) zeros(%{{.*}} : tensor<16x2xi8>) multipliers(%{{.*}} : tensor<16x2xi8>) outs(%{{.*}} : tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = fptq.quantized_lookup <two_level, group_size = 4, symmetric = false, method = mse> layer("e") ins(%ids : tensor<?xindex>)
    weights(%codes, %scales : tensor<16x4xi8>, tensor<16xf16>) zeros(%b : tensor<16x2xi8>) multipliers(%a : tensor<16x2xi8>)
    outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  // CHECK: fptq.packed_lookup <group, group_size = 8, symmetric = true, method = rtn> <"x86"> rows(16) layer("e") ins(%{{.*}} : memref<3xindex>) weights(%{{.*}} : memref<256xi8>) outs(%{{.*}} : memref<3x8xf32>)
  fptq.packed_lookup <group, group_size = 8, symmetric = true, method = rtn> <"x86"> rows(16) layer("e") ins(%some : memref<3xindex>)
    weights(%packed : memref<256xi8>) outs(%out : memref<3x8xf32>)
  return
}
