// Unit dimensions behind the one that vectors run along: written by a transfer with a permutation once subviews are folded.
func.func @main() -> tensor<1x12x1xf32> {
  %half = arith.constant 0.5 : f32
  %e = tensor.empty() : tensor<1x12x1xf32>
  %r = linalg.fill ins(%half : f32) outs(%e : tensor<1x12x1xf32>) -> tensor<1x12x1xf32>
  return %r : tensor<1x12x1xf32>
}
