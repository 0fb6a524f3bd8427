// Layers that were decided to be quantized, and reach the lowering as floats, are not lowered without a word.
// RUN: fptq-opt %s --fptq-choose-policy="policy=per-token group-size=16 keep-float=head" --fptq-lower-linear 2>&1 >/dev/null | FileCheck %s --implicit-check-not=warning:
// RUN: fptq-opt %s --fptq-choose-policy="policy=per-token group-size=16 keep-float=head" --fptq-quantize-weights --fptq-lower-linear 2>&1 >/dev/null | count 0
// RUN: fptq-opt %s --fptq-lower-linear 2>&1 >/dev/null | count 0

// CHECK: warning: 2 layers run in float that fptq-choose-policy decided to quantize, and fptq-quantize-weights did not (layer 'a')
func.func @f(%x: tensor<2x16xf32>) -> tensor<2x16xf32> {
  %v = arith.constant dense<0.5> : tensor<16x16xf32>
  %w = arith.constant dense<0.25> : tensor<16x16xf32>
  %a = fptq.linear %x, %v layer("a") : (tensor<2x16xf32>, tensor<16x16xf32>) -> tensor<2x16xf32>
  %b = fptq.linear %a, %w layer("b") : (tensor<2x16xf32>, tensor<16x16xf32>) -> tensor<2x16xf32>
  %y = fptq.linear %b, %v layer("head") : (tensor<2x16xf32>, tensor<16x16xf32>) -> tensor<2x16xf32>
  return %y : tensor<2x16xf32>
}
