// RUN: fptq-opt --fptq-quantize-weights %s | FileCheck %s

// CHECK-LABEL: @static_group
func.func @static_group(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = arith.constant {fptq.name = "a.weight"} dense<[[0.5, -1.0, 0.25, 0.0], [-8.0, 7.0, 1.0, -2.0]]> : tensor<2x4xf32>
  // CHECK-DAG: %[[SCALE:.*]] = arith.constant 0.00787401571 : f32
  // CHECK-DAG: %[[CODES:.*]] = arith.constant dense_resource<a.codes> : tensor<2x2xi8>
  // CHECK-DAG: %[[SCALES:.*]] = arith.constant dense_resource<a.scales> : tensor<2x1xf32>
  // CHECK: %[[Q:.*]], %{{.*}}, %{{.*}} = fptq.quantize_activations group_size(4) padded_group_size(4) ins(%{{.*}} : tensor<?x4xf32>) static_scale(%[[SCALE]])
  // CHECK: fptq.quantized_matmul <group, group_size = 0, symmetric = true, method = rtn> layer("a")
  // CHECK-SAME: weights(%[[CODES]], %[[SCALES]]
  // CHECK-SAME: fptq.error_db
  // CHECK-NOT: fptq.linear
  %y = fptq.linear %x, %w layer("a") {
    policy = #fptq.policy<static, "v = 1">, range = #fptq.range<min = -1.0, max = 1.0, absmax = 1.0, tokens = 1>,
    scheme = #fptq.scheme<group, group_size = 0, symmetric = true, method = rtn>
  } : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// CHECK-LABEL: @leading_dimensions_become_rows
func.func @leading_dimensions_become_rows(%x: tensor<2x?x4xf16>, %b: tensor<2xf16>) -> tensor<2x?x2xf16> {
  %w = arith.constant dense<[[0.5, -1.0, 0.25, 0.0], [-8.0, 7.0, 1.0, -2.0]]> : tensor<2x4xf16>
  // CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0, 1], [2]]
  // CHECK: fptq.quantize_activations {{.*}} ins(%{{.*}} : tensor<?x4xf16>)
  // CHECK: fptq.quantized_matmul <two_level, group_size = 2, symmetric = false, method = mse> layer("b")
  // CHECK-SAME: zeros(
  // CHECK-SAME: multipliers(
  // CHECK-SAME: bias(
  // CHECK: tensor.expand_shape
  // CHECK: arith.truncf %{{.*}} : tensor<2x?x2xf32> to tensor<2x?x2xf16>
  %y = fptq.linear %x, %w bias(%b) layer("b") {
    policy = #fptq.policy<per_token, "v = 200">,
    scheme = #fptq.scheme<two_level, group_size = 2, symmetric = false, method = mse>
  } : (tensor<2x?x4xf16>, tensor<2x4xf16>, tensor<2xf16>) -> tensor<2x?x2xf16>
  return %y : tensor<2x?x2xf16>
}

// CHECK-LABEL: @leftover_scale_becomes_multiplier
func.func @leftover_scale_becomes_multiplier(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %s = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %inverse = arith.constant dense<[1.0, 0.5, 0.25, 0.125]> : tensor<4xf32>
  %w = arith.constant dense<1.0> : tensor<2x4xf32>
  %w1 = fptq.scale_channels %w, %s dim(1) : tensor<2x4xf32>, tensor<4xf32>
  %x1 = fptq.scale_channels %x, %inverse dim(1) : tensor<3x4xf32>, tensor<4xf32>
  // CHECK: fptq.quantize_activations {{.*}} multiplier(%{{.*}} : tensor<4xf32>)
  // CHECK-NOT: fptq.scale_channels
  %y = fptq.linear %x1, %w1 layer("c") {
    policy = #fptq.policy<per_token, "v = 200">, scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = rtn>
  } : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// CHECK-LABEL: @float_stays
func.func @float_stays(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = arith.constant dense<1.0> : tensor<2x4xf32>
  // CHECK: fptq.linear
  %y = fptq.linear %x, %w layer("d") {policy = #fptq.policy<float, "rule 1">} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}
