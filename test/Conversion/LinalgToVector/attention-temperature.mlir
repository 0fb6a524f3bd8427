// A temperature, a division by a positive constant, leaves minus infinity what it is: keys that are masked are skipped.
// RUN: fptq-opt --pass-pipeline='builtin.module(canonicalize,cse,func.func(fptq-fuse-attention{rows=4}),canonicalize,cse,func.func(fptq-skip-masked-keys),canonicalize)' %s | FileCheck %s

#q = affine_map<(h, m, t, d) -> (m, h, d)>
#k = affine_map<(h, m, t, d) -> (h, t, d)>
#s = affine_map<(h, m, t, d) -> (h, m, t)>
#hmt = affine_map<(h, m, t) -> (h, m, t)>
#hm = affine_map<(h, m, t) -> (h, m)>
#p = affine_map<(h, m, d, t) -> (h, m, t)>
#v = affine_map<(h, m, d, t) -> (h, t, d)>
#y = affine_map<(h, m, d, t) -> (m, h, d)>
#mhd = affine_map<(m, h, d) -> (m, h, d)>
#by_row = affine_map<(m, h, d) -> (h, m)>

// CHECK-LABEL: @causal_with_temperature
// CHECK: arith.minui
func.func @causal_with_temperature(%q: tensor<?x2x8xf32>, %keys: tensor<2x?x8xf32>, %values: tensor<2x?x8xf32>, %position: index) -> tensor<?x2x8xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %never = arith.constant 0xFF800000 : f32
  %m = tensor.dim %q, %c0 : tensor<?x2x8xf32>
  %length = arith.addi %position, %m : index
  %e = tensor.empty(%m, %length) : tensor<2x?x?xf32>
  %e1 = tensor.empty(%m) : tensor<2x?xf32>
  %e2 = tensor.empty(%m) : tensor<?x2x8xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
  %s = linalg.generic {indexing_maps = [#q, #k, #s], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %keys : tensor<?x2x8xf32>, tensor<2x?x8xf32>) outs(%f : tensor<2x?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %x = arith.mulf %a, %b : f32
    %r = arith.addf %o, %x : f32
    linalg.yield %r : f32
  } -> tensor<2x?x?xf32>
  %masked = linalg.generic {indexing_maps = [#hmt, #hmt], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<2x?x?xf32>) outs(%e : tensor<2x?x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %last = arith.addi %i, %position : index
    %seen = arith.cmpi ule, %j, %last : index
    %r = arith.select %seen, %a, %never : f32
    linalg.yield %r : f32
  } -> tensor<2x?x?xf32>
  %f1 = linalg.fill ins(%never : f32) outs(%e1 : tensor<2x?xf32>) -> tensor<2x?xf32>
  %max = linalg.generic {indexing_maps = [#hmt, #hm], iterator_types = ["parallel", "parallel", "reduction"]} ins(%masked : tensor<2x?x?xf32>) outs(%f1 : tensor<2x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.maximumf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<2x?xf32>
  %exp = linalg.generic {indexing_maps = [#hmt, #hm, #hmt], iterator_types = ["parallel", "parallel", "parallel"]} ins(%masked, %max : tensor<2x?x?xf32>, tensor<2x?xf32>) outs(%e : tensor<2x?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %dd = arith.subf %a, %b : f32
    %two = arith.constant 2.0 : f32
    %d = arith.divf %dd, %two : f32
    %r = math.exp %d : f32
    linalg.yield %r : f32
  } -> tensor<2x?x?xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<2x?xf32>) -> tensor<2x?xf32>
  %sum = linalg.generic {indexing_maps = [#hmt, #hm], iterator_types = ["parallel", "parallel", "reduction"]} ins(%exp : tensor<2x?x?xf32>) outs(%f2 : tensor<2x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<2x?xf32>
  %f3 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x2x8xf32>) -> tensor<?x2x8xf32>
  %y = linalg.generic {indexing_maps = [#p, #v, #y], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%exp, %values : tensor<2x?x?xf32>, tensor<2x?x8xf32>) outs(%f3 : tensor<?x2x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %x = arith.mulf %a, %b : f32
    %r = arith.addf %o, %x : f32
    linalg.yield %r : f32
  } -> tensor<?x2x8xf32>
  %z = linalg.generic {indexing_maps = [#mhd, #by_row, #mhd], iterator_types = ["parallel", "parallel", "parallel"]} ins(%y, %sum : tensor<?x2x8xf32>, tensor<2x?xf32>) outs(%e2 : tensor<?x2x8xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.divf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<?x2x8xf32>
  return %z : tensor<?x2x8xf32>
}
