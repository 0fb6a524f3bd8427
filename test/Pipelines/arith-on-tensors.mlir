// Arith on tensors becomes linalg before equalization, which knows only that: 1/s goes through the product of a gate.
// RUN: fptq-opt %s --fptq-quantize-pipeline="policy=fptq group-size=0 strict=false" --remarks-filter=Equalize -o /dev/null 2>&1 | FileCheck %s
// CHECK: [Passed] Equalized{{.*}}layer 'down_proj': 1/s is folded into the rows of 'up_proj'
func.func @gated(%x: tensor<5x4xf32>, %g: tensor<5x4xf32>) -> tensor<5x4xf32> {
  %wu = arith.constant dense<0.5> : tensor<4x4xf32>
  %wd = arith.constant dense<0.25> : tensor<4x4xf32>
  %u = fptq.linear %x, %wu layer("up_proj") {range = #fptq.range<min = -1.0, max = 1.0, absmax = 1.0, tokens = 5>}
    : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  %h = arith.mulf %g, %u : tensor<5x4xf32>
  %d = fptq.linear %h, %wd layer("down_proj") {channel_absmax = dense<[2.0, 6.0, 0.5, 20.0]> : tensor<4xf32>,
    range = #fptq.range<min = -20.0, max = 20.0, absmax = 20.0, tokens = 5>}
    : (tensor<5x4xf32>, tensor<4x4xf32>) -> tensor<5x4xf32>
  return %d : tensor<5x4xf32>
}
