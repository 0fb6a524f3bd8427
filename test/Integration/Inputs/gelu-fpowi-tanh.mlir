#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%x: tensor<?x50xf32>) -> tensor<?x50xf32> {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : i64
  %d = tensor.dim %x, %c0 : tensor<?x50xf32>
  %e = tensor.empty(%d) : tensor<?x50xf32>
  %h = arith.constant 0.5 : f32
  %one = arith.constant 1.0 : f32
  %s = arith.constant 1.41421354 : f32
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel","parallel"]} ins(%x : tensor<?x50xf32>) outs(%e : tensor<?x50xf32>) {
  ^bb0(%i: f32, %o: f32):
    %p = math.fpowi %i, %c3 : f32, i64
    %0 = arith.divf %i, %s : f32
    %1 = math.erf %0 : f32
    %2 = arith.addf %1, %one : f32
    %3 = arith.mulf %2, %h : f32
    %4 = arith.mulf %i, %3 : f32
    %5 = math.tanh %p : f32
    %6 = arith.addf %4, %5 : f32
    linalg.yield %6 : f32 } -> tensor<?x50xf32>
  return %y : tensor<?x50xf32>
}
