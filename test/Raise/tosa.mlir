// TOSA is lowered by the passes that upstream has, wherever it comes in.
// RUN: fptq-opt %s --fptq-raise | FileCheck %s
// RUN: fptq-opt %s --fptq-import-frontend | FileCheck %s --check-prefix=LINALG
// RUN: fptq-opt %s --fptq-quantize-pipeline="policy=per-token group-size=16" | FileCheck %s --check-prefix=QUANTIZED

// CHECK-LABEL: @dense
// LINALG-LABEL: @dense
// LINALG: linalg.batch_matmul
// LINALG-NOT: tosa
// QUANTIZED: fptq.quantized_matmul
// CHECK: fptq.linear %{{.*}}, %{{.*}} layer("linear_0") : (tensor<1x4x16xf32>, tensor<32x16xf32>) -> tensor<1x4x32xf32>
func.func @dense(%x: tensor<1x4x16xf32>) -> tensor<1x4x32xf32> {
  %w = "tosa.const"() <{values = dense<0.5> : tensor<1x16x32xf32>}> : () -> tensor<1x16x32xf32>
  %zero = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %y = tosa.matmul %x, %w, %zero, %zero : (tensor<1x4x16xf32>, tensor<1x16x32xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x32xf32>
  return %y : tensor<1x4x32xf32>
}
