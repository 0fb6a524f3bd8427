#id = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#red = affine_map<(d0, d1, d2) -> (d0, d1, 0)>
func.func @main(%x: tensor<2x5x9xf32>) -> tensor<2x5x9xf32> {
  %ninf = arith.constant 0xFF800000 : f32
  %z = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : i64
  %ef = tensor.empty() : tensor<2x5x1xf32>
  %ei = tensor.empty() : tensor<2x5x1xi64>
  %e = tensor.empty() : tensor<2x5x9xf32>
  %fm = linalg.fill ins(%ninf : f32) outs(%ef : tensor<2x5x1xf32>) -> tensor<2x5x1xf32>
  %fi = linalg.fill ins(%c0 : i64) outs(%ei : tensor<2x5x1xi64>) -> tensor<2x5x1xi64>
  %mx:2 = linalg.generic {indexing_maps = [#id, #red, #red], iterator_types = ["parallel","parallel","reduction"]} ins(%x : tensor<2x5x9xf32>) outs(%fm, %fi : tensor<2x5x1xf32>, tensor<2x5x1xi64>) {
  ^bb0(%i: f32, %o: f32, %oi: i64):
    %ix = linalg.index 2 : index
    %ic = arith.index_cast %ix : index to i64
    %m = arith.maximumf %i, %o : f32
    %g = arith.cmpf ogt, %i, %o : f32
    %s = arith.select %g, %ic, %oi : i64
    linalg.yield %m, %s : f32, i64
  } -> (tensor<2x5x1xf32>, tensor<2x5x1xi64>)
  %d = linalg.generic {indexing_maps = [#id, #red, #id], iterator_types = ["parallel","parallel","parallel"]} ins(%x, %mx#0 : tensor<2x5x9xf32>, tensor<2x5x1xf32>) outs(%e : tensor<2x5x9xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.subf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<2x5x9xf32>
  %ex = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel","parallel","parallel"]} ins(%d : tensor<2x5x9xf32>) outs(%e : tensor<2x5x9xf32>) {
  ^bb0(%a: f32, %o: f32):
    %1 = math.exp %a : f32
    linalg.yield %1 : f32
  } -> tensor<2x5x9xf32>
  %fz = linalg.fill ins(%z : f32) outs(%ef : tensor<2x5x1xf32>) -> tensor<2x5x1xf32>
  %s = linalg.generic {indexing_maps = [#id, #red], iterator_types = ["parallel","parallel","reduction"]} ins(%ex : tensor<2x5x9xf32>) outs(%fz : tensor<2x5x1xf32>) {
  ^bb0(%i: f32, %o: f32):
    %1 = arith.addf %i, %o : f32
    linalg.yield %1 : f32
  } -> tensor<2x5x1xf32>
  %r = linalg.generic {indexing_maps = [#id, #red, #id], iterator_types = ["parallel","parallel","parallel"]} ins(%ex, %s : tensor<2x5x9xf32>, tensor<2x5x1xf32>) outs(%e : tensor<2x5x9xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.divf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<2x5x9xf32>
  return %r : tensor<2x5x9xf32>
}
