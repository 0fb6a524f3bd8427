// Weights that came as codes keep them: group scheme as it is, offsets beside it, bytes as two products.
// RUN: fptq-opt --fptq-quantize-weights %s | FileCheck %s
// RUN: fptq-opt --fptq-choose-policy="policy=per-token" %s | FileCheck %s --check-prefix=POLICY

#policy = #fptq.policy<per_token, "v = 1">
#stored = #fptq.scheme<group, group_size = 2, symmetric = true, method = stored>
#zeroed = #fptq.scheme<group, group_size = 2, symmetric = false, method = stored>

// CHECK-LABEL: @nibbles
// POLICY-LABEL: @nibbles
func.func @nibbles(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK-DAG: %[[CODES:.*]] = arith.constant {{.*}}dense<{{.*}}> : tensor<2x2xi8>
  // CHECK-DAG: %[[SCALES:.*]] = arith.constant {{.*}} : tensor<2x2xf16>
  %codes = arith.constant {fptq.name = "a.codes"} dense<[[16, 50], [84, -104]]> : tensor<2x2xi8>
  %scales = arith.constant dense<[[0.5, 1.0], [-2.0, 0.25]]> : tensor<2x2xf16>
  %w = fptq.dequantize %codes, %scales bits(4) group_size(2) : (tensor<2x2xi8>, tensor<2x2xf16>) -> tensor<2x4xf32>
  // CHECK: fptq.quantized_matmul <group, group_size = 2, symmetric = true, method = stored> layer("a")
  // CHECK-SAME: weights(%[[CODES]], %[[SCALES]] : tensor<2x2xi8>, tensor<2x2xf16>)
  // CHECK-NOT: fptq.dequantize
  // POLICY: fptq.linear {{.*}} scheme = #fptq.scheme<group, group_size = 2, symmetric = true, method = stored>
  %y = fptq.linear %x, %w layer("a") {policy = #policy, scheme = #stored} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// CHECK-LABEL: @zero_points
func.func @zero_points(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %codes = arith.constant dense<[[16, 50], [84, -104]]> : tensor<2x2xi8>
  %scales = arith.constant dense<1.0> : tensor<2x2xf32>
  %zeros = arith.constant dense<[[0, 15], [8, 7]]> : tensor<2x2xi8>
  %w = fptq.dequantize %codes, %scales zeros(%zeros) bits(4) group_size(2) : (tensor<2x2xi8>, tensor<2x2xf32>, tensor<2x2xi8>) -> tensor<2x4xf32>
  // CHECK: fptq.quantized_matmul <group, group_size = 2, symmetric = false, method = stored>
  // CHECK-SAME: zeros(%{{.*}} : tensor<2x2xi8>)
  %y = fptq.linear %x, %w layer("z") {policy = #policy, scheme = #zeroed} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// CHECK-LABEL: @offsets
func.func @offsets(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %codes = arith.constant dense<[[16, 50], [84, -104]]> : tensor<2x2xi8>
  %scales = arith.constant dense<1.0> : tensor<2x2xf16>
  %offsets = arith.constant dense<[[0.5, 1.5], [-8.0, 7.0]]> : tensor<2x2xf16>
  %w = fptq.dequantize %codes, %scales offsets(%offsets) bits(4) group_size(2) : (tensor<2x2xi8>, tensor<2x2xf16>, tensor<2x2xf16>) -> tensor<2x4xf32>
  // CHECK: %[[SUMS:.*]] = linalg.generic
  // CHECK: arith.sitofp
  // CHECK: %[[EXTRA:.*]] = fptq.linear %[[SUMS]], %{{.*}} layer("o.offsets") {fptq.part, policy = #fptq.policy<float
  // CHECK: fptq.quantized_matmul <group, group_size = 2, symmetric = false, method = stored> layer("o")
  // CHECK-SAME: zeros(%{{.*}} : tensor<2x2xi8>) residual(%[[EXTRA]]
  %y = fptq.linear %x, %w layer("o") {policy = #policy, scheme = #zeroed} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// CHECK-LABEL: @bytes
func.func @bytes(%x: tensor<?x4xf32>, %b: tensor<2xf32>) -> tensor<?x2xf32> {
  %codes = arith.constant dense<[[-128, 127, 0, 1], [-1, 16, -16, 15]]> : tensor<2x4xi8>
  %scales = arith.constant dense<1.0> : tensor<2x2xf16>
  %w = fptq.dequantize %codes, %scales bits(8) group_size(2) : (tensor<2x4xi8>, tensor<2x2xf16>) -> tensor<2x4xf32>
  // CHECK: %[[LOW:.*]] = fptq.quantized_matmul <group, group_size = 2, symmetric = false, method = stored> layer("b.part1")
  // CHECK-SAME: zeros(
  // CHECK-NOT: bias
  // CHECK: fptq.quantized_matmul <group, group_size = 2, symmetric = true, method = stored> layer("b")
  // CHECK-SAME: bias(%{{.*}}) residual(%[[LOW]]
  %y = fptq.linear %x, %w bias(%b) layer("b") {policy = #policy, scheme = #stored} : (tensor<?x4xf32>, tensor<2x4xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
// -128, 127, 0, 1 | -1, 16, -16, 15 as 16 h + l, h stored with zero point 8.
// CHECK: b.high.codes: "0x40000000F0889787"
// CHECK: b.low.codes: "0x40000000F0100FF0"
