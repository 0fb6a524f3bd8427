// A pattern that somebody wrote and that matches no layer is a slip: an error, or a warning where nothing is strict.
// RUN: not fptq-opt %s --fptq-choose-policy="policy=per-token keep-float=down_porj" 2>&1 | FileCheck %s --check-prefix=STRICT
// RUN: fptq-opt %s --fptq-choose-policy="policy=per-token keep-float=down_porj strict=false" 2>&1 | FileCheck %s --check-prefix=LENIENT
// RUN: fptq-opt %s --fptq-choose-policy="policy=per-token keep-float=down" 2>&1 | FileCheck %s

// STRICT: error: keep-float='down_porj' matches no layer
// LENIENT: warning: keep-float='down_porj' matches no layer
// LENIENT: policy = #fptq.policy<per_token
// CHECK-NOT: matches no layer
// CHECK: layer("down_proj") {{.*}}policy = #fptq.policy<float, "keep-float=down">
func.func @f(%x: tensor<5x8xf32>) -> tensor<5x4xf32> {
  %w = arith.constant dense<0.5> : tensor<4x8xf32>
  %y = fptq.linear %x, %w layer("down_proj") : (tensor<5x8xf32>, tensor<4x8xf32>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}
