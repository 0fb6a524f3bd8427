// RUN: fptq-opt --pass-pipeline='builtin.module(canonicalize,cse,func.func(fptq-fuse-attention{rows=4}),canonicalize,cse,func.func(fptq-skip-masked-keys),canonicalize)' --split-input-file %s | FileCheck %s
// RUN: fptq-opt --pass-pipeline='builtin.module(func.func(fptq-fuse-attention{parallel-min=200000}))' --split-input-file %s | FileCheck %s --check-prefix=SHARED
// RUN: fptq-opt --pass-pipeline='builtin.module(func.func(fptq-fuse-attention{parallel-min=800000}))' --split-input-file %s | FileCheck %s --check-prefix=ALONE

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

// Prefill: keys transposed once, outside; in the loop over blocks of rows and heads the scores of one block, written over
// in place, in whole vectors as wide as the last key that the block's last row sees.
// CHECK-LABEL: @causal
// CHECK-SAME: %[[X:.*]]: tensor<?x2x8xf32>, %[[KEYS:.*]]: tensor<2x?x8xf32>, %{{.*}}: tensor<2x?x8xf32>, %[[POSITION:.*]]: index
// CHECK: %[[LENGTH:.*]] = arith.addi
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[KEYS]] {{.*}} permutation = [0, 2, 1]
// CHECK: scf.forall (%[[ROW:.*]], %[[HEAD:.*]]) = (0, 0) to (%{{.*}}, 2) step (4, 1)
// CHECK:   %[[ROWS:.*]] = affine.min
// CHECK:   %[[LAST:.*]] = arith.addi %{{.*}}, %[[POSITION]]
// CHECK:   %[[COUNT:.*]] = arith.addi %[[LAST]], %c1
// CHECK:   %[[VECTORS:.*]] = arith.ceildivui %[[COUNT]], %c16
// CHECK:   %[[WHOLE:.*]] = arith.muli %[[VECTORS]], %c16
// CHECK:   %[[BOUND:.*]] = arith.minui %[[WHOLE]], %[[LENGTH]]
// CHECK:   tensor.extract_slice %[[T]][%[[HEAD]], 0, 0] [1, 8, %[[BOUND]]]
// CHECK:   tensor.empty(%[[ROWS]], %[[BOUND]]) : tensor<1x?x?xf32>
// CHECK-NOT: tensor.empty(%[[ROWS]], %[[BOUND]])
// CHECK:   math.exp
// CHECK:   tensor.extract_slice %{{.*}}[%[[HEAD]], 0, 0] [1, %[[BOUND]], 8]
// CHECK:   scf.forall.in_parallel
func.func @causal(%q: tensor<?x2x8xf32>, %keys: tensor<2x?x8xf32>, %values: tensor<2x?x8xf32>, %position: index) -> tensor<?x2x8xf32> {
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
    %d = arith.subf %a, %b : f32
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

// -----

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

// Keys of a prefix are seen by all rows: the bound of the last row's own would leave some of them out.
// CHECK-LABEL: @prefix
// CHECK-NOT: arith.minui
// CHECK: math.exp
func.func @prefix(%q: tensor<?x2x8xf32>, %keys: tensor<2x?x8xf32>, %values: tensor<2x?x8xf32>, %position: index, %prefix: index) -> tensor<?x2x8xf32> {
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
    %scored = arith.select %seen, %a, %never : f32
    %shown = arith.cmpi ult, %j, %prefix : index
    %r = arith.select %shown, %a, %scored : f32
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
    %d = arith.subf %a, %b : f32
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

// -----

#q = affine_map<(h, m, t, d) -> (m, h, d)>
#k = affine_map<(h, m, t, d) -> (h, t, d)>
#s = affine_map<(h, m, t, d) -> (h, m, t)>
#hmt = affine_map<(h, m, t) -> (h, m, t)>
#hm = affine_map<(h, m, t) -> (h, m)>
#p = affine_map<(h, m, d, t) -> (h, m, t)>
#v = affine_map<(h, m, d, t) -> (h, t, d)>
#y = affine_map<(h, m, d, t) -> (m, h, d)>

// Decode: a row's heads, 2 * 12 * 256 * 64 multiply-adds, are shared where that is worth it. The cache's halves are widened
// where they are read.
// SHARED-LABEL: @one_row
// SHARED: scf.forall (%{{.*}}) in (12)
// SHARED: arith.extf
// ALONE-LABEL: @one_row
// ALONE: scf.for
// ALONE-NOT: scf.forall
func.func @one_row(%q: tensor<1x12x64xf32>, %keys: tensor<12x?x64xf16>, %values: tensor<12x?x64xf16>, %length: index) -> tensor<1x12x64xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%length) : tensor<12x1x?xf32>
  %e1 = tensor.empty() : tensor<12x1xf32>
  %e2 = tensor.empty() : tensor<1x12x64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<12x1x?xf32>) -> tensor<12x1x?xf32>
  %s = linalg.generic {indexing_maps = [#q, #k, #s], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%q, %keys : tensor<1x12x64xf32>, tensor<12x?x64xf16>) outs(%f : tensor<12x1x?xf32>) {
  ^bb0(%a: f32, %b: f16, %o: f32):
    %w = arith.extf %b : f16 to f32
    %x = arith.mulf %a, %w : f32
    %r = arith.addf %o, %x : f32
    linalg.yield %r : f32
  } -> tensor<12x1x?xf32>
  %exp = linalg.generic {indexing_maps = [#hmt, #hmt], iterator_types = ["parallel", "parallel", "parallel"]} ins(%s : tensor<12x1x?xf32>) outs(%e : tensor<12x1x?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = math.exp %a : f32
    linalg.yield %r : f32
  } -> tensor<12x1x?xf32>
  %f1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<12x1xf32>) -> tensor<12x1xf32>
  %sum = linalg.generic {indexing_maps = [#hmt, #hm], iterator_types = ["parallel", "parallel", "reduction"]} ins(%exp : tensor<12x1x?xf32>) outs(%f1 : tensor<12x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<12x1xf32>
  %p = linalg.generic {indexing_maps = [#hmt, #hm, #hmt], iterator_types = ["parallel", "parallel", "parallel"]} ins(%exp, %sum : tensor<12x1x?xf32>, tensor<12x1xf32>) outs(%e : tensor<12x1x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.divf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<12x1x?xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<1x12x64xf32>) -> tensor<1x12x64xf32>
  %y = linalg.generic {indexing_maps = [#p, #v, #y], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%p, %values : tensor<12x1x?xf32>, tensor<12x?x64xf16>) outs(%f2 : tensor<1x12x64xf32>) {
  ^bb0(%a: f32, %b: f16, %o: f32):
    %w = arith.extf %b : f16 to f32
    %x = arith.mulf %a, %w : f32
    %r = arith.addf %o, %x : f32
    linalg.yield %r : f32
  } -> tensor<1x12x64xf32>
  return %y : tensor<1x12x64xf32>
}
