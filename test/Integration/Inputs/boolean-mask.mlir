// A padding mask as torch-mlir writes one: i1 tensors that one op writes and another reads, the first by gathering.
#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (0, d1)>
func.func @main(%scores: tensor<12x12xf32>, %mask: tensor<1x12xi64>, %positions: tensor<1x12xi64>) -> (tensor<12x12xf32>, tensor<12x1xf32>) {
  %zero = arith.constant 0 : i64
  %none = arith.constant -3.0e38 : f32
  %f0 = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %e = tensor.empty() : tensor<1x12xi1>
  %seen = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%mask : tensor<1x12xi64>) outs(%e : tensor<1x12xi1>) {
  ^bb0(%in: i64, %out: i1):
    %r = arith.cmpi ne, %in, %zero : i64
    linalg.yield %r : i1
  } -> tensor<1x12xi1>
  %e2 = tensor.empty() : tensor<12x12xi1>
  %both = linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel"]} ins(%positions : tensor<1x12xi64>) outs(%e2 : tensor<12x12xi1>) {
  ^bb0(%in: i64, %out: i1):
    %i = linalg.index 0 : index
    %j = arith.index_cast %in : i64 to index
    %causal = arith.cmpi ule, %j, %i : index
    %there = tensor.extract %seen[%c0, %j] : tensor<1x12xi1>
    %r = arith.andi %there, %causal : i1
    linalg.yield %r : i1
  } -> tensor<12x12xi1>
  %e3 = tensor.empty() : tensor<12x12xf32>
  %masked = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%both, %scores : tensor<12x12xi1>, tensor<12x12xf32>) outs(%e3 : tensor<12x12xf32>) {
  ^bb0(%in: i1, %s: f32, %out: f32):
    %r = arith.select %in, %s, %none : f32
    linalg.yield %r : f32
  } -> tensor<12x12xf32>
  // The rows' sizes with the reduced dimension kept, as a result of their own.
  %e4 = tensor.empty() : tensor<12x1xf32>
  %z = linalg.fill ins(%f0 : f32) outs(%e4 : tensor<12x1xf32>) -> tensor<12x1xf32>
  %count = linalg.generic {indexing_maps = [#id, affine_map<(d0, d1) -> (d0, 0)>], iterator_types = ["parallel", "reduction"]} ins(%both : tensor<12x12xi1>) outs(%z : tensor<12x1xf32>) {
  ^bb0(%in: i1, %out: f32):
    %one = arith.uitofp %in : i1 to f32
    %r = arith.addf %one, %out : f32
    linalg.yield %r : f32
  } -> tensor<12x1xf32>
  return %masked, %count : tensor<12x12xf32>, tensor<12x1xf32>
}
