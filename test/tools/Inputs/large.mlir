func.func @main(%x: tensor<1x65536xf32>) -> tensor<1x262144xf32> {
  %w = arith.constant {fptq.name = "large"} dense<0.5> : tensor<262144x65536xf32>
  %y = fptq.linear %x, %w layer("large") : (tensor<1x65536xf32>, tensor<262144x65536xf32>) -> tensor<1x262144xf32>
  return %y : tensor<1x262144xf32>
}
