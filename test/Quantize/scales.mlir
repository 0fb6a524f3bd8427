// Scales that the type chosen for them cannot hold, in memory as in a file, and a range that no scale is small enough
// for.
// RUN: rm -rf %t && split-file %s %t
// RUN: not fptq-opt %t/large.mlir --fptq-quantize-weights=scale-type=f16 2>&1 | FileCheck %t/large.mlir
// RUN: not fptq-opt %t/large.mlir --fptq-quantize-weights="scale-type=f16 parameters-out=%t/out.safetensors" 2>&1 \
// RUN:   | FileCheck %t/large.mlir
// RUN: not ls %t/out.safetensors
// RUN: fptq-opt %t/large.mlir --fptq-quantize-weights -o /dev/null
// RUN: fptq-opt %t/tiny.mlir --fptq-quantize-weights | FileCheck %t/tiny.mlir
//--- large.mlir
// CHECK: error: 'fptq.linear' op has weights whose scale is more than f16 holds (layer 'large'): use scale-type=f32
func.func @large(%x: tensor<2x8xf32>) -> tensor<2x4xf32> {
  %w = arith.constant dense<1.0e+06> : tensor<4x8xf32>
  %y = fptq.linear %x, %w layer("large") {
    policy = #fptq.policy<per_token, "asked">, scheme = #fptq.scheme<group, group_size = 8, symmetric = true, method = rtn>
  } : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
//--- tiny.mlir
// CHECK: %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK: fptq.quantize_activations {{.*}} static_scale(%[[ONE]])
func.func @tiny(%x: tensor<2x8xf32>) -> tensor<2x4xf32> {
  %w = arith.constant dense<1.0> : tensor<4x8xf32>
  %y = fptq.linear %x, %w layer("tiny") {
    policy = #fptq.policy<static, "asked">, range = #fptq.range<min = 0.0, max = 1.0e-45, absmax = 1.0e-45, tokens = 1>,
    scheme = #fptq.scheme<group, group_size = 8, symmetric = true, method = rtn>
  } : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
