func.func @block(%x: tensor<4x200xf32>) -> (tensor<4x96xf32>, tensor<4x96xf32>) {
  %w0 = arith.constant dense<0.5> : tensor<96x200xf32>
  %w1 = arith.constant dense<0.25> : tensor<96x200xf32>
  %q = fptq.linear %x, %w0 layer("layers.0.q_proj") : (tensor<4x200xf32>, tensor<96x200xf32>) -> tensor<4x96xf32>
  %k = fptq.linear %x, %w1 layer("layers.0.k_proj") : (tensor<4x200xf32>, tensor<96x200xf32>) -> tensor<4x96xf32>
  return %q, %k : tensor<4x96xf32>, tensor<4x96xf32>
}
