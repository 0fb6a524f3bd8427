// RUN: fptq-opt --fptq-quantize-pipeline=policy=per-token %s 2>&1 | FileCheck %s
// RUN: fptq-opt --fptq-quantize-pipeline="policy=per-token group-size=8" %S/keep-float.mlir | fptq-opt --fptq-quantize-pipeline="policy=per-token group-size=4" 2>&1 | FileCheck %s --check-prefix=TWICE

// Options for what was decided before change nothing: that is said, too.
// TWICE: warning: nothing to decide: every layer is quantized already
// TWICE: group_size = 8

// A model whose weights are arguments runs in float: that is said.
// CHECK: warning: nothing to quantize: no contraction with a constant weight was raised
// CHECK: linalg.matmul
func.func @weight_is_an_argument(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %z: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %y = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x8xf32>) outs(%z : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
