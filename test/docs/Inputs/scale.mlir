func.func @half_weight_columns(%w: tensor<2x4xf16>, %s: tensor<4xf32>) -> tensor<2x4xf16> {
  %0 = fptq.scale_channels %w, %s dim(1) : tensor<2x4xf16>, tensor<4xf32>
  return %0 : tensor<2x4xf16>
}
