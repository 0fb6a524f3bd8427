#id2 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#red = affine_map<(d0, d1, d2) -> (d0, d1, 0)>
#vec = affine_map<(d0, d1, d2) -> (d2)>
func.func @main(%x: tensor<1x?x64xf32>) -> tensor<1x?x64xf32> {
  %g = arith.constant dense<1.5> : tensor<64xf32>
  %bt = arith.constant dense<0.25> : tensor<64xf32>
  %c64 = arith.constant 6.400000e+01 : f64
  %c64f = arith.constant 6.400000e+01 : f32
  %eps = arith.constant 1.000000e-05 : f64
  %z64 = arith.constant 0.0 : f64
  %z32 = arith.constant 0.0 : f32
  %c1 = arith.constant 1 : index
  %d = tensor.dim %x, %c1 : tensor<1x?x64xf32>
  %e64 = tensor.empty(%d) : tensor<1x?x64xf64>
  %e32 = tensor.empty(%d) : tensor<1x?x64xf32>
  %r64 = tensor.empty(%d) : tensor<1x?x1xf64>
  %r32 = tensor.empty(%d) : tensor<1x?x1xf32>
  %xd = linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%x : tensor<1x?x64xf32>) outs(%e64 : tensor<1x?x64xf64>) {
  ^bb0(%i: f32, %o: f64):
    %1 = arith.extf %i : f32 to f64
    linalg.yield %1 : f64
  } -> tensor<1x?x64xf64>
  %f64z = linalg.fill ins(%z64 : f64) outs(%r64 : tensor<1x?x1xf64>) -> tensor<1x?x1xf64>
  %sum = linalg.generic {indexing_maps = [#id2, #red], iterator_types = ["parallel","parallel","reduction"]} ins(%xd : tensor<1x?x64xf64>) outs(%f64z : tensor<1x?x1xf64>) {
  ^bb0(%i: f64, %o: f64):
    %1 = arith.addf %i, %o : f64
    linalg.yield %1 : f64
  } -> tensor<1x?x1xf64>
  %md = linalg.generic {indexing_maps = [#red, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%sum : tensor<1x?x1xf64>) outs(%r64 : tensor<1x?x1xf64>) {
  ^bb0(%i: f64, %o: f64):
    %1 = arith.divf %i, %c64 : f64
    linalg.yield %1 : f64
  } -> tensor<1x?x1xf64>
  %df = linalg.generic {indexing_maps = [#id2, #red, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%xd, %md : tensor<1x?x64xf64>, tensor<1x?x1xf64>) outs(%e64 : tensor<1x?x64xf64>) {
  ^bb0(%a: f64, %b: f64, %o: f64):
    %1 = arith.subf %a, %b : f64
    linalg.yield %1 : f64
  } -> tensor<1x?x64xf64>
  %sq = linalg.generic {indexing_maps = [#id2, #id2, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%df, %df : tensor<1x?x64xf64>, tensor<1x?x64xf64>) outs(%e64 : tensor<1x?x64xf64>) {
  ^bb0(%a: f64, %b: f64, %o: f64):
    %1 = arith.mulf %a, %b : f64
    linalg.yield %1 : f64
  } -> tensor<1x?x64xf64>
  %vs = linalg.generic {indexing_maps = [#id2, #red], iterator_types = ["parallel","parallel","reduction"]} ins(%sq : tensor<1x?x64xf64>) outs(%f64z : tensor<1x?x1xf64>) {
  ^bb0(%i: f64, %o: f64):
    %1 = arith.addf %i, %o : f64
    linalg.yield %1 : f64
  } -> tensor<1x?x1xf64>
  %vm = linalg.generic {indexing_maps = [#red, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%vs : tensor<1x?x1xf64>) outs(%r64 : tensor<1x?x1xf64>) {
  ^bb0(%i: f64, %o: f64):
    %1 = arith.divf %i, %c64 : f64
    linalg.yield %1 : f64
  } -> tensor<1x?x1xf64>
  %vf = linalg.generic {indexing_maps = [#red, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%vm : tensor<1x?x1xf64>) outs(%r32 : tensor<1x?x1xf32>) {
  ^bb0(%i: f64, %o: f32):
    %1 = arith.truncf %i : f64 to f32
    linalg.yield %1 : f32
  } -> tensor<1x?x1xf32>
  %f32z = linalg.fill ins(%z32 : f32) outs(%r32 : tensor<1x?x1xf32>) -> tensor<1x?x1xf32>
  %s2 = linalg.generic {indexing_maps = [#id2, #red], iterator_types = ["parallel","parallel","reduction"]} ins(%x : tensor<1x?x64xf32>) outs(%f32z : tensor<1x?x1xf32>) {
  ^bb0(%i: f32, %o: f32):
    %1 = arith.addf %i, %o : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x1xf32>
  %m2 = linalg.generic {indexing_maps = [#red, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%s2 : tensor<1x?x1xf32>) outs(%r32 : tensor<1x?x1xf32>) {
  ^bb0(%i: f32, %o: f32):
    %1 = arith.divf %i, %c64f : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x1xf32>
  %dd = linalg.generic {indexing_maps = [#id2, #red, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%x, %m2 : tensor<1x?x64xf32>, tensor<1x?x1xf32>) outs(%e32 : tensor<1x?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.subf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x64xf32>
  %ve = linalg.generic {indexing_maps = [#red, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%vf : tensor<1x?x1xf32>) outs(%r32 : tensor<1x?x1xf32>) {
  ^bb0(%i: f32, %o: f32):
    %1 = arith.truncf %eps : f64 to f32
    %2 = arith.addf %i, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<1x?x1xf32>
  %rs = linalg.generic {indexing_maps = [#red, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%ve : tensor<1x?x1xf32>) outs(%r32 : tensor<1x?x1xf32>) {
  ^bb0(%i: f32, %o: f32):
    %1 = math.rsqrt %i : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x1xf32>
  %n = linalg.generic {indexing_maps = [#id2, #red, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%dd, %rs : tensor<1x?x64xf32>, tensor<1x?x1xf32>) outs(%e32 : tensor<1x?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.mulf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x64xf32>
  %ng = linalg.generic {indexing_maps = [#id2, #vec, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%n, %g : tensor<1x?x64xf32>, tensor<64xf32>) outs(%e32 : tensor<1x?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.mulf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x64xf32>
  %y = linalg.generic {indexing_maps = [#id2, #vec, #id2], iterator_types = ["parallel","parallel","parallel"]} ins(%ng, %bt : tensor<1x?x64xf32>, tensor<64xf32>) outs(%e32 : tensor<1x?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %1 = arith.addf %a, %b : f32
    linalg.yield %1 : f32
  } -> tensor<1x?x64xf32>
  return %y : tensor<1x?x64xf32>
}
