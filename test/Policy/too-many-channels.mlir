// More channels than an int32 sum holds are an error before a weight is looked at, padding included; or the layer stays
// float, in so many words.
// RUN: not fptq-opt --fptq-choose-policy="policy=per-token group-size=40000" %s 2>&1 | FileCheck %s --check-prefix=PADDED
// RUN: not fptq-opt --fptq-choose-policy="policy=per-token group-size=0" %s 2>&1 | FileCheck %s --check-prefix=CHANNELS
// RUN: fptq-opt --fptq-choose-policy="policy=per-token group-size=40000 strict=false" %s | FileCheck %s
// RUN: fptq-opt --fptq-choose-policy="policy=per-token group-size=40000 ragged=adjust keep-float=many|stored" %s | FileCheck %s --check-prefix=ADJUST

// PADDED: layer 'padded' has K = 65530, in groups of 40000 padded to 80000, and int32 sums hold 65536 channels (QM5): choose other groups, or ragged=adjust
// CHANNELS-NOT: layer 'padded'
// CHANNELS: layer 'many' has K = 70000, and int32 sums hold 65536 channels (QM5): keep it float
// CHECK: layer("padded") {fptq.chosen_float, policy = #fptq.policy<float, "float, because it has K = 65530, in groups of 40000 padded to 80000, and int32 sums hold 65536 channels (QM5)">}
// CHECK: layer("many") {fptq.chosen_float, policy = #fptq.policy<float, "float, because it has K = 70000
// CHECK: layer("stored") {fptq.chosen_float, policy = #fptq.policy<float, "float, because it has K = 70000
// ADJUST: layer("padded") {policy = #fptq.policy<per_token, {{.*}} group_size = 32765
func.func @f(%x: tensor<2x65530xf32>, %z: tensor<2x70000xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) {
  %w = arith.constant dense<0.5> : tensor<4x65530xf32>
  %v = arith.constant dense<0.5> : tensor<4x70000xf32>
  %y = fptq.linear %x, %w layer("padded") : (tensor<2x65530xf32>, tensor<4x65530xf32>) -> tensor<2x4xf32>
  %u = fptq.linear %z, %v layer("many") : (tensor<2x70000xf32>, tensor<4x70000xf32>) -> tensor<2x4xf32>
  // Codes that a weight came with are no different.
  %c = arith.constant dense<17> : tensor<4x35000xi8>
  %s = arith.constant dense<0.5> : tensor<4x1xf32>
  %d = fptq.dequantize %c, %s bits(4) group_size(70000) : (tensor<4x35000xi8>, tensor<4x1xf32>) -> tensor<4x70000xf32>
  %t = fptq.linear %z, %d layer("stored") : (tensor<2x70000xf32>, tensor<4x70000xf32>) -> tensor<2x4xf32>
  return %y, %u, %t : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
}
