#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#ix = affine_map<(d0, d1, d2) -> (d0, d1)>
func.func @main(%ids: tensor<1x?xi64>) -> tensor<1x?x4x8xf32> {
  %t = arith.constant dense<2.0> : tensor<16x32xf32>
  %c0 = arith.constant 0 : i64
  %c16 = arith.constant 16 : i64
  %c1i = arith.constant 1 : index
  %d = tensor.dim %ids, %c1i : tensor<1x?xi64>
  %e = tensor.empty(%d) : tensor<1x?x32xf32>
  %dc = arith.index_cast %d : index to i64
  %neg = arith.cmpi sge, %dc, %c0 : i64
  cf.assert %neg, "never" 
  %y = linalg.generic {indexing_maps = [#ix, #id], iterator_types = ["parallel","parallel","parallel"]} ins(%ids : tensor<1x?xi64>) outs(%e : tensor<1x?x32xf32>) {
  ^bb0(%i: i64, %o: f32):
    %j = linalg.index 2 : index
    %ok = arith.cmpi slt, %i, %c16 : i64
    cf.assert %ok, "index must be smaller than dim size"
    %k = arith.index_cast %i : i64 to index
    %v = tensor.extract %t[%k, %j] : tensor<16x32xf32>
    linalg.yield %v : f32
  } -> tensor<1x?x32xf32>
  %one = arith.constant 1 : i64
  %four = arith.constant 4 : i64
  %eight = arith.constant 8 : i64
  %shape = tensor.from_elements %one, %dc, %four, %eight : tensor<4xi64>
  %r = tensor.reshape %y(%shape) : (tensor<1x?x32xf32>, tensor<4xi64>) -> tensor<1x?x4x8xf32>
  return %r : tensor<1x?x4x8xf32>
}
