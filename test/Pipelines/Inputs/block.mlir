// A small decoder block with what passes look for: a table, a norm, three linears of one input, masked attention, a gated
// activation, a residual stream. Nothing of ours: what loads our dialect is the pass that makes its operations.
#id2 = affine_map<(m, d) -> (m, d)>
#row = affine_map<(m, d) -> (m)>
#column = affine_map<(m, d) -> (d)>
#q = affine_map<(h, m, t, d) -> (m, h, d)>
#k = affine_map<(h, m, t, d) -> (t, h, d)>
#s = affine_map<(h, m, t, d) -> (h, m, t)>
#hmt = affine_map<(h, m, t) -> (h, m, t)>
#hm = affine_map<(h, m, t) -> (h, m)>
#p = affine_map<(h, m, d, t) -> (h, m, t)>
#v = affine_map<(h, m, d, t) -> (t, h, d)>
#y = affine_map<(h, m, d, t) -> (m, h, d)>

func.func @main(%ids: tensor<?xi64>) -> tensor<?x64xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %eps = arith.constant 1.0e-5 : f32
  %width = arith.constant 64.0 : f32
  %never = arith.constant 0xFF800000 : f32
  %size = arith.constant 96 : i64
  %table = arith.constant dense<0.5> : tensor<96x64xf32>
  %gamma = arith.constant dense<1.5> : tensor<64xf32>
  %wq = arith.constant dense<0.25> : tensor<64x64xf32>
  %wk = arith.constant dense<0.375> : tensor<64x64xf32>
  %wv = arith.constant dense<0.125> : tensor<64x64xf32>
  %wgate = arith.constant dense<0.0625> : tensor<64x128xf32>
  %wup = arith.constant dense<-0.25> : tensor<64x128xf32>
  %wdown = arith.constant dense<-0.5> : tensor<128x64xf32>
  %m = tensor.dim %ids, %c0 : tensor<?xi64>

  %rows = tensor.empty(%m) : tensor<?x64xf32>
  %x = linalg.generic {indexing_maps = [#row, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%ids : tensor<?xi64>) outs(%rows : tensor<?x64xf32>) {
  ^bb0(%i: i64, %o: f32):
    %inside = arith.cmpi slt, %i, %size : i64
    cf.assert %inside, "token outside of the table"
    %n = arith.index_cast %i : i64 to index
    %d = linalg.index 1 : index
    %r = tensor.extract %table[%n, %d] : tensor<96x64xf32>
    linalg.yield %r : f32
  } -> tensor<?x64xf32>

  %scalars = tensor.empty(%m) : tensor<?xf32>
  %nothing = linalg.fill ins(%zero : f32) outs(%scalars : tensor<?xf32>) -> tensor<?xf32>
  %squares = linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x64xf32>) outs(%nothing : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.mulf %a, %a : f32
    %sum = arith.addf %o, %r : f32
    linalg.yield %sum : f32
  } -> tensor<?xf32>
  %normed = linalg.generic {indexing_maps = [#id2, #row, #column, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x, %squares, %gamma : tensor<?x64xf32>, tensor<?xf32>, tensor<64xf32>) outs(%rows : tensor<?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %g: f32, %o: f32):
    %mean = arith.divf %b, %width : f32
    %shifted = arith.addf %mean, %eps : f32
    %inverse = math.rsqrt %shifted : f32
    %n = arith.mulf %a, %inverse : f32
    %r = arith.mulf %n, %g : f32
    linalg.yield %r : f32
  } -> tensor<?x64xf32>

  %z = linalg.fill ins(%zero : f32) outs(%rows : tensor<?x64xf32>) -> tensor<?x64xf32>
  %q = linalg.matmul ins(%normed, %wq : tensor<?x64xf32>, tensor<64x64xf32>) outs(%z : tensor<?x64xf32>) -> tensor<?x64xf32>
  %k = linalg.matmul ins(%normed, %wk : tensor<?x64xf32>, tensor<64x64xf32>) outs(%z : tensor<?x64xf32>) -> tensor<?x64xf32>
  %v = linalg.matmul ins(%normed, %wv : tensor<?x64xf32>, tensor<64x64xf32>) outs(%z : tensor<?x64xf32>) -> tensor<?x64xf32>
  %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%m, 4, 16] : tensor<?x64xf32> into tensor<?x4x16xf32>
  %kh = tensor.expand_shape %k [[0], [1, 2]] output_shape [%m, 4, 16] : tensor<?x64xf32> into tensor<?x4x16xf32>
  %vh = tensor.expand_shape %v [[0], [1, 2]] output_shape [%m, 4, 16] : tensor<?x64xf32> into tensor<?x4x16xf32>

  %scores = tensor.empty(%m, %m) : tensor<4x?x?xf32>
  %stats = tensor.empty(%m) : tensor<4x?xf32>
  %heads = tensor.empty(%m) : tensor<?x4x16xf32>
  %s0 = linalg.fill ins(%zero : f32) outs(%scores : tensor<4x?x?xf32>) -> tensor<4x?x?xf32>
  %s = linalg.generic {indexing_maps = [#q, #k, #s], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%qh, %kh : tensor<?x4x16xf32>, tensor<?x4x16xf32>) outs(%s0 : tensor<4x?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.mulf %a, %b : f32
    %sum = arith.addf %o, %r : f32
    linalg.yield %sum : f32
  } -> tensor<4x?x?xf32>
  %masked = linalg.generic {indexing_maps = [#hmt, #hmt], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%s : tensor<4x?x?xf32>) outs(%scores : tensor<4x?x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %seen = arith.cmpi ule, %j, %i : index
    %r = arith.select %seen, %a, %never : f32
    linalg.yield %r : f32
  } -> tensor<4x?x?xf32>
  %low = linalg.fill ins(%never : f32) outs(%stats : tensor<4x?xf32>) -> tensor<4x?xf32>
  %max = linalg.generic {indexing_maps = [#hmt, #hm], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%masked : tensor<4x?x?xf32>) outs(%low : tensor<4x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.maximumf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<4x?xf32>
  %exp = linalg.generic {indexing_maps = [#hmt, #hm, #hmt], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%masked, %max : tensor<4x?x?xf32>, tensor<4x?xf32>) outs(%scores : tensor<4x?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %d = arith.subf %a, %b : f32
    %r = math.exp %d : f32
    linalg.yield %r : f32
  } -> tensor<4x?x?xf32>
  %z0 = linalg.fill ins(%zero : f32) outs(%stats : tensor<4x?xf32>) -> tensor<4x?xf32>
  %total = linalg.generic {indexing_maps = [#hmt, #hm], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%exp : tensor<4x?x?xf32>) outs(%z0 : tensor<4x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %o, %a : f32
    linalg.yield %r : f32
  } -> tensor<4x?xf32>
  %weights = linalg.generic {indexing_maps = [#hmt, #hm, #hmt], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%exp, %total : tensor<4x?x?xf32>, tensor<4x?xf32>) outs(%scores : tensor<4x?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.divf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<4x?x?xf32>
  %h0 = linalg.fill ins(%zero : f32) outs(%heads : tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  %mixed = linalg.generic {indexing_maps = [#p, #v, #y], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%weights, %vh : tensor<4x?x?xf32>, tensor<?x4x16xf32>) outs(%h0 : tensor<?x4x16xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.mulf %a, %b : f32
    %sum = arith.addf %o, %r : f32
    linalg.yield %sum : f32
  } -> tensor<?x4x16xf32>
  %flat = tensor.collapse_shape %mixed [[0], [1, 2]] : tensor<?x4x16xf32> into tensor<?x64xf32>

  %wide = tensor.empty(%m) : tensor<?x128xf32>
  %zw = linalg.fill ins(%zero : f32) outs(%wide : tensor<?x128xf32>) -> tensor<?x128xf32>
  %gate = linalg.matmul ins(%flat, %wgate : tensor<?x64xf32>, tensor<64x128xf32>) outs(%zw : tensor<?x128xf32>) -> tensor<?x128xf32>
  %up = linalg.matmul ins(%flat, %wup : tensor<?x64xf32>, tensor<64x128xf32>) outs(%zw : tensor<?x128xf32>) -> tensor<?x128xf32>
  %gated = linalg.generic {indexing_maps = [#id2, #id2, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%gate, %up : tensor<?x128xf32>, tensor<?x128xf32>) outs(%wide : tensor<?x128xf32>) {
  ^bb0(%g: f32, %u: f32, %o: f32):
    %n = arith.negf %g : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %silu = arith.divf %g, %d : f32
    %r = arith.mulf %silu, %u : f32
    linalg.yield %r : f32
  } -> tensor<?x128xf32>
  %down = linalg.matmul ins(%gated, %wdown : tensor<?x128xf32>, tensor<128x64xf32>) outs(%z : tensor<?x64xf32>) -> tensor<?x64xf32>
  %result = linalg.add ins(%down, %x : tensor<?x64xf32>, tensor<?x64xf32>) outs(%rows : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %result : tensor<?x64xf32>
}
