// The command of docs/Frontends.md, then raise.
// RUN: mlir-opt --pass-pipeline='builtin.module(func.func(tosa-optional-decompositions,canonicalize,tosa-infer-shapes,tosa-make-broadcastable,tosa-to-linalg-named,tosa-to-linalg,tosa-to-arith,tosa-to-tensor),canonicalize)' %s | fptq-opt --fptq-raise | FileCheck %s

// CHECK-LABEL: @dense
// CHECK: fptq.linear %{{.*}}, %{{.*}} layer("linear_0") : (tensor<1x4x16xf32>, tensor<32x16xf32>) -> tensor<1x4x32xf32>
func.func @dense(%x: tensor<1x4x16xf32>) -> tensor<1x4x32xf32> {
  %w = "tosa.const"() <{values = dense<0.5> : tensor<1x16x32xf32>}> : () -> tensor<1x16x32xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %y = tosa.matmul %x, %w, %zero, %zero : (tensor<1x4x16xf32>, tensor<1x16x32xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x32xf32>
  return %y : tensor<1x4x32xf32>
}
