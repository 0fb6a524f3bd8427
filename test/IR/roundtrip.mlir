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
