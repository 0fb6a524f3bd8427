func.func @main(%x: tensor<1x8xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense_resource<w> : tensor<2x8xf32>
  %y = fptq.linear %x, %w layer("w") : (tensor<1x8xf32>, tensor<2x8xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
{-#
  dialect_resources: {
    builtin: {
      w: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F"
    }
  }
#-}
