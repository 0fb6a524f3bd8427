func.func @f(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v = arith.constant dense<0.5> : tensor<4x4xf32>
  %w = arith.constant dense<0.25> : tensor<4x4xf32>
  %a = fptq.linear %x, %v layer("a") : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %b = fptq.linear %a, %w layer("b") : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %b : tensor<2x4xf32>
}
