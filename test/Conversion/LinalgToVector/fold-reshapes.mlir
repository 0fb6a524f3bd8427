// RUN: fptq-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(fptq-fold-reshapes),canonicalize)' | FileCheck %s

// The batch of 1 that torch-mlir keeps, and the one place that a maximum has in each row, go: attention is linalg ops alone.
// CHECK-LABEL: @batch_of_one
// CHECK: %[[Q:.*]] = tensor.collapse_shape %arg0
// CHECK: %[[S:.*]] = linalg.batch_matmul ins(%[[Q]], %{{.*}} : tensor<8x3x16xf32>, tensor<8x16x5xf32>)
// CHECK: %[[M:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[S]] : tensor<8x3x5xf32>) outs(%{{.*}} : tensor<8x3xf32>)
// CHECK: %[[P:.*]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel"]} ins(%[[S]], %[[M]] : tensor<8x3x5xf32>, tensor<8x3xf32>)
// CHECK: linalg.batch_matmul ins(%[[P]], %{{.*}} : tensor<8x3x5xf32>, tensor<8x5x16xf32>)
#id = affine_map<(a, h, q, k) -> (a, h, q, k)>
#row = affine_map<(a, h, q, k) -> (a, h, q, 0)>
func.func @batch_of_one(%q: tensor<1x8x3x16xf32>, %k: tensor<1x8x16x5xf32>, %v: tensor<1x8x5x16xf32>) -> tensor<8x3x16xf32> {
  %zero = arith.constant 0.0 : f32
  %low = arith.constant -3.0e+38 : f32
  %qc = tensor.collapse_shape %q [[0, 1], [2], [3]] : tensor<1x8x3x16xf32> into tensor<8x3x16xf32>
  %kc = tensor.collapse_shape %k [[0, 1], [2], [3]] : tensor<1x8x16x5xf32> into tensor<8x16x5xf32>
  %vc = tensor.collapse_shape %v [[0, 1], [2], [3]] : tensor<1x8x5x16xf32> into tensor<8x5x16xf32>
  %e = tensor.empty() : tensor<8x3x5xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<8x3x5xf32>) -> tensor<8x3x5xf32>
  %s = linalg.batch_matmul ins(%qc, %kc : tensor<8x3x16xf32>, tensor<8x16x5xf32>) outs(%z : tensor<8x3x5xf32>) -> tensor<8x3x5xf32>
  %s4 = tensor.expand_shape %s [[0, 1], [2], [3]] output_shape [1, 8, 3, 5] : tensor<8x3x5xf32> into tensor<1x8x3x5xf32>
  %me = tensor.empty() : tensor<1x8x3x1xf32>
  %mz = linalg.fill ins(%low : f32) outs(%me : tensor<1x8x3x1xf32>) -> tensor<1x8x3x1xf32>
  %m = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%s4 : tensor<1x8x3x5xf32>) outs(%mz : tensor<1x8x3x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.maximumf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<1x8x3x1xf32>
  %pe = tensor.empty() : tensor<1x8x3x5xf32>
  %p = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%s4, %m : tensor<1x8x3x5xf32>, tensor<1x8x3x1xf32>) outs(%pe : tensor<1x8x3x5xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %d = arith.subf %a, %b : f32
    %r = math.exp %d : f32
    linalg.yield %r : f32
  } -> tensor<1x8x3x5xf32>
  %pc = tensor.collapse_shape %p [[0, 1], [2], [3]] : tensor<1x8x3x5xf32> into tensor<8x3x5xf32>
  %ye = tensor.empty() : tensor<8x3x16xf32>
  %yz = linalg.fill ins(%zero : f32) outs(%ye : tensor<8x3x16xf32>) -> tensor<8x3x16xf32>
  %y = linalg.batch_matmul ins(%pc, %vc : tensor<8x3x5xf32>, tensor<8x5x16xf32>) outs(%yz : tensor<8x3x16xf32>) -> tensor<8x3x16xf32>
  return %y : tensor<8x3x16xf32>
}

// -----

// A batch that was made of two dimensions, one of them open, is two again; the rows of a product with a weight stay one.
// CHECK-LABEL: @batch_of_several
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%arg0, %arg1 : tensor<?x8x3x16xf32>, tensor<?x8x16x5xf32>)
// CHECK-NOT: tensor.expand_shape
// CHECK: %[[R:.*]] = tensor.collapse_shape
// CHECK: linalg.matmul ins(%[[R]], %arg2 : tensor<?x5xf32>, tensor<5x4xf32>)
func.func @batch_of_several(%q: tensor<?x8x3x16xf32>, %k: tensor<?x8x16x5xf32>, %w: tensor<5x4xf32>, %b: index) -> tensor<?x4xf32> {
  %zero = arith.constant 0.0 : f32
  %c8 = arith.constant 8 : index
  %c24 = arith.constant 24 : index
  %heads = arith.muli %b, %c8 : index
  %rows = arith.muli %b, %c24 : index
  %qc = tensor.collapse_shape %q [[0, 1], [2], [3]] : tensor<?x8x3x16xf32> into tensor<?x3x16xf32>
  %kc = tensor.collapse_shape %k [[0, 1], [2], [3]] : tensor<?x8x16x5xf32> into tensor<?x16x5xf32>
  %e = tensor.empty(%heads) : tensor<?x3x5xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x3x5xf32>) -> tensor<?x3x5xf32>
  %s = linalg.batch_matmul ins(%qc, %kc : tensor<?x3x16xf32>, tensor<?x16x5xf32>) outs(%z : tensor<?x3x5xf32>) -> tensor<?x3x5xf32>
  %x = tensor.collapse_shape %s [[0, 1], [2]] : tensor<?x3x5xf32> into tensor<?x5xf32>
  %ye = tensor.empty(%rows) : tensor<?x4xf32>
  %yz = linalg.fill ins(%zero : f32) outs(%ye : tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x5xf32>, tensor<5x4xf32>) outs(%yz : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// No product was reshaped: one token stays one row.
// CHECK-LABEL: @one_token
// CHECK: ins(%arg0 : tensor<1x1x16xf32>)
#all = affine_map<(a, b, c) -> (a, b, c)>
func.func @one_token(%x: tensor<1x1x16xf32>) -> tensor<1x1x16xf32> {
  %e = tensor.empty() : tensor<1x1x16xf32>
  %y = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x1x16xf32>) outs(%e : tensor<1x1x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  } -> tensor<1x1x16xf32>
  return %y : tensor<1x1x16xf32>
}

// -----

// A pooling with one window keeps the loop that knows its stride.
// CHECK: #[[IN:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1 * 2 + d3, d2)>
// CHECK-LABEL: @window
// CHECK: linalg.generic {indexing_maps = [#[[IN]],
#in = affine_map<(n, w, c, k) -> (n, w * 2 + k, c)>
#kernel = affine_map<(n, w, c, k) -> (k)>
#out = affine_map<(n, w, c, k) -> (n, w, c)>
func.func @window(%q: tensor<1x2x3x4xf32>, %k: tensor<2x4x3xf32>, %x: tensor<1x3x4xf32>) -> (tensor<2x3x3xf32>, tensor<1x1x4xf32>) {
  %zero = arith.constant 0.0 : f32
  %qc = tensor.collapse_shape %q [[0, 1], [2], [3]] : tensor<1x2x3x4xf32> into tensor<2x3x4xf32>
  %e = tensor.empty() : tensor<2x3x3xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %s = linalg.batch_matmul ins(%qc, %k : tensor<2x3x4xf32>, tensor<2x4x3xf32>) outs(%z : tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %w = tensor.empty() : tensor<2xf32>
  %pe = tensor.empty() : tensor<1x1x4xf32>
  %pz = linalg.fill ins(%zero : f32) outs(%pe : tensor<1x1x4xf32>) -> tensor<1x1x4xf32>
  %p = linalg.generic {indexing_maps = [#in, #kernel, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<1x3x4xf32>, tensor<2xf32>) outs(%pz : tensor<1x1x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.maximumf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<1x1x4xf32>
  return %s, %p : tensor<2x3x3xf32>, tensor<1x1x4xf32>
}
