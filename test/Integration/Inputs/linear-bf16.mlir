#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%x: tensor<?x16xbf16>) -> tensor<?x32xbf16> {
  %w = arith.constant dense<0.5> : tensor<32x16xbf16>
  %cst = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %d = tensor.dim %x, %c0 : tensor<?x16xbf16>
  %te = tensor.empty() : tensor<16x32xbf16>
  %t = linalg.transpose ins(%w : tensor<32x16xbf16>) outs(%te : tensor<16x32xbf16>) permutation = [1, 0]
  %e = tensor.empty(%d) : tensor<?x32xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<?x32xf32>) -> tensor<?x32xf32>
  %r = linalg.matmul ins(%x, %t : tensor<?x16xbf16>, tensor<16x32xbf16>) outs(%z : tensor<?x32xf32>) -> tensor<?x32xf32>
  %be = tensor.empty(%d) : tensor<?x32xbf16>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel","parallel"]} ins(%r : tensor<?x32xf32>) outs(%be : tensor<?x32xbf16>) {
  ^bb0(%i: f32, %o: bf16):
    %1 = arith.truncf %i : f32 to bf16
    linalg.yield %1 : bf16
  } -> tensor<?x32xbf16>
  return %y : tensor<?x32xbf16>
}
