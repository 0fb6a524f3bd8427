#id = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
func.func @main(%x: tensor<1x4x?x8xf32>) -> tensor<1x4x?x8xf32> {
  %c2 = arith.constant 2 : index
  %d = tensor.dim %x, %c2 : tensor<1x4x?x8xf32>
  %a = tensor.extract_slice %x[0,0,0,0][1,4,%d,4][1,1,1,1] : tensor<1x4x?x8xf32> to tensor<1x4x?x4xf32>
  %b = tensor.extract_slice %x[0,0,0,4][1,4,%d,4][1,1,1,1] : tensor<1x4x?x8xf32> to tensor<1x4x?x4xf32>
  %e = tensor.empty(%d) : tensor<1x4x?x4xf32>
  %n = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel","parallel","parallel","parallel"]} ins(%b : tensor<1x4x?x4xf32>) outs(%e : tensor<1x4x?x4xf32>) {
  ^bb0(%i: f32, %o: f32):
    %1 = arith.negf %i : f32
    linalg.yield %1 : f32
  } -> tensor<1x4x?x4xf32>
  %c = tensor.concat dim(3) %n, %a : (tensor<1x4x?x4xf32>, tensor<1x4x?x4xf32>) -> tensor<1x4x?x8xf32>
  return %c : tensor<1x4x?x8xf32>
}
