// RUN: fptq-opt --fptq-raise --cse --split-input-file %s | FileCheck %s

// (a) torch-mlir without bias: transposed weight, collapsed activations.
// CHECK-LABEL: @transposed_weight
// CHECK: %[[C:.*]] = tensor.collapse_shape
// CHECK: fptq.linear %[[C]], %{{.*}} layer("layers.0.q_proj") : (tensor<16x16xf32>, tensor<32x16xf32>) -> tensor<16x32xf32>
// CHECK-NOT: linalg.matmul
func.func @transposed_weight(%x: tensor<2x8x16xf32>) -> tensor<2x8x32xf32> {
  %w = arith.constant dense_resource<layers.0.q_proj.weight> : tensor<32x16xf32>
  %cst = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<16x32xf32>
  %t = linalg.transpose ins(%w : tensor<32x16xf32>) outs(%e : tensor<16x32xf32>) permutation = [1, 0]
  %c = tensor.collapse_shape %x [[0, 1], [2]] : tensor<2x8x16xf32> into tensor<16x16xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<16x32xf32>) -> tensor<16x32xf32>
  %r = linalg.matmul ins(%c, %t : tensor<16x16xf32>, tensor<16x32xf32>) outs(%z : tensor<16x32xf32>) -> tensor<16x32xf32>
  %o = tensor.expand_shape %r [[0, 1], [2]] output_shape [2, 8, 32] : tensor<16x32xf32> into tensor<2x8x32xf32>
  return %o : tensor<2x8x32xf32>
}

// -----

// (b) with bias, broadcast by its own generic; dynamic rows; square weight.
// CHECK-LABEL: @bias_broadcast_by_generic
// CHECK: fptq.linear %{{.*}}, %{{.*}} bias(%{{.*}}) layer("linear_0") : (tensor<?x16xf32>, tensor<16x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
// CHECK-NOT: arith.addf
func.func @bias_broadcast_by_generic(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %w = arith.constant dense_resource<torch_tensor_16_16_torch.float32> : tensor<16x16xf32>
  %bias = arith.constant dense_resource<torch_tensor_16_torch.float32> : tensor<16xf32>
  %c0 = arith.constant 0 : index
  %cst = arith.constant 0.0 : f32
  %m = tensor.dim %x, %c0 : tensor<?x16xf32>
  %e = tensor.empty(%m) : tensor<?x16xf32>
  %we = tensor.empty() : tensor<16x16xf32>
  %t = linalg.transpose ins(%w : tensor<16x16xf32>) outs(%we : tensor<16x16xf32>) permutation = [1, 0]
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %r = linalg.matmul ins(%x, %t : tensor<?x16xf32>, tensor<16x16xf32>) outs(%z : tensor<?x16xf32>) -> tensor<?x16xf32>
  %b2 = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%bias : tensor<16xf32>) outs(%e : tensor<?x16xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<?x16xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%r, %b2 : tensor<?x16xf32>, tensor<?x16xf32>) outs(%e : tensor<?x16xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %add = arith.addf %a, %b : f32
    linalg.yield %add : f32
  } -> tensor<?x16xf32>
  return %s : tensor<?x16xf32>
}

// -----

// (c) Conv1D: an [in, out] weight and no transpose. The linear's weight is N x K all the same.
// CHECK-LABEL: @weight_in_out
// CHECK: linalg.transpose {{.*}} permutation = [1, 0]
// CHECK: fptq.linear %{{.*}} : (tensor<4x16xf32>, tensor<48x16xf32>) -> tensor<4x48xf32>
func.func @weight_in_out(%x: tensor<4x16xf32>) -> tensor<4x48xf32> {
  %w = arith.constant dense_resource<h.0.attn.c_attn.weight> : tensor<16x48xf32>
  %cst = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x48xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<4x48xf32>) -> tensor<4x48xf32>
  %r = linalg.matmul ins(%x, %w : tensor<4x16xf32>, tensor<16x48xf32>) outs(%z : tensor<4x48xf32>) -> tensor<4x48xf32>
  return %r : tensor<4x48xf32>
}

// -----

// (d) half operands, f32 accumulation.
// CHECK-LABEL: @half_into_f32
// CHECK: fptq.linear %{{.*}} : (tensor<4x16xf16>, tensor<32x16xf16>) -> tensor<4x32xf32>
func.func @half_into_f32(%x: tensor<4x16xf16>) -> tensor<4x32xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<32x16xf16>
  %cst = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x32xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<4x32xf32>) -> tensor<4x32xf32>
  %r = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] ins(%x, %w : tensor<4x16xf16>, tensor<32x16xf16>) outs(%z : tensor<4x32xf32>) -> tensor<4x32xf32>
  return %r : tensor<4x32xf32>
}

// -----

// (e) half operands extended by generics, the weight after its transposition.
// CHECK-LABEL: @extended_operands
// CHECK: fptq.linear %arg0, %{{.*}} : (tensor<4x16xbf16>, tensor<32x16xbf16>) -> tensor<4x32xf32>
func.func @extended_operands(%x: tensor<4x16xbf16>) -> tensor<4x32xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<32x16xbf16>
  %cst = arith.constant 0.0 : f32
  %te = tensor.empty() : tensor<16x32xbf16>
  %t = linalg.transpose ins(%w : tensor<32x16xbf16>) outs(%te : tensor<16x32xbf16>) permutation = [1, 0]
  %we = tensor.empty() : tensor<16x32xf32>
  %wf = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%t : tensor<16x32xbf16>) outs(%we : tensor<16x32xf32>) {
  ^bb0(%in: bf16, %out: f32):
    %f = arith.extf %in : bf16 to f32
    linalg.yield %f : f32
  } -> tensor<16x32xf32>
  %xe = tensor.empty() : tensor<4x16xf32>
  %xf = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<4x16xbf16>) outs(%xe : tensor<4x16xf32>) {
  ^bb0(%in: bf16, %out: f32):
    %f = arith.extf %in : bf16 to f32
    linalg.yield %f : f32
  } -> tensor<4x16xf32>
  %e = tensor.empty() : tensor<4x32xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<4x32xf32>) -> tensor<4x32xf32>
  %r = linalg.matmul ins(%xf, %wf : tensor<4x16xf32>, tensor<16x32xf32>) outs(%z : tensor<4x32xf32>) -> tensor<4x32xf32>
  return %r : tensor<4x32xf32>
}

// -----

// (f) IREE: the transposed weight broadcast to a dynamic batch.
// CHECK-LABEL: @weight_broadcast_to_batch
// CHECK: fptq.linear %arg0, %{{.*}} bias(%{{.*}}) layer("model.up") : (tensor<?x8x16xf32>, tensor<32x16xf32>, tensor<32xf32>) -> tensor<?x8x32xf32>
func.func @weight_broadcast_to_batch(%x: tensor<?x8x16xf32>) -> tensor<?x8x32xf32> {
  %w = arith.constant dense_resource<"__auto.model.up.weight"> : tensor<32x16xf32>
  %bias = arith.constant dense_resource<"__auto.model.up.bias"> : tensor<32xf32>
  %cst = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %b = tensor.dim %x, %c0 : tensor<?x8x16xf32>
  %te = tensor.empty() : tensor<16x32xf32>
  %t = linalg.transpose ins(%w : tensor<32x16xf32>) outs(%te : tensor<16x32xf32>) permutation = [1, 0]
  %be = tensor.empty(%b) : tensor<?x16x32xf32>
  %wb = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%t : tensor<16x32xf32>) outs(%be : tensor<?x16x32xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<?x16x32xf32>
  %e = tensor.empty(%b) : tensor<?x8x32xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<?x8x32xf32>) -> tensor<?x8x32xf32>
  %r = linalg.batch_matmul ins(%x, %wb : tensor<?x8x16xf32>, tensor<?x16x32xf32>) outs(%z : tensor<?x8x32xf32>) -> tensor<?x8x32xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%r, %bias : tensor<?x8x32xf32>, tensor<32xf32>) outs(%e : tensor<?x8x32xf32>) {
  ^bb0(%a: f32, %bb: f32, %out: f32):
    %add = arith.addf %a, %bb : f32
    linalg.yield %add : f32
  } -> tensor<?x8x32xf32>
  return %s : tensor<?x8x32xf32>
}

// -----

// (g) StableHLO's einsum 'bnd,hd->bnh'; the accumulator first.
// CHECK-LABEL: @einsum_generic
// CHECK: fptq.linear %arg0, %{{.*}} : (tensor<2x8x16xf32>, tensor<32x16xf32>) -> tensor<2x8x32xf32>
func.func @einsum_generic(%x: tensor<2x8x16xf32>) -> tensor<2x8x32xf32> {
  %w = arith.constant dense<0.5> : tensor<32x16xf32>
  %cst = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x8x32xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<2x8x32xf32>) -> tensor<2x8x32xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>, affine_map<(d0, d1, d2, d3) -> (d2, d3)>, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %w : tensor<2x8x16xf32>, tensor<32x16xf32>) outs(%z : tensor<2x8x32xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %out, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x8x32xf32>
  return %r : tensor<2x8x32xf32>
}

// -----

// Several column loops (heads x head size) and the weight on the left of a matvec.
// CHECK-LABEL: @columns_are_heads
// CHECK: fptq.linear %arg0, %{{.*}} : (tensor<8x16xf32>, tensor<32x16xf32>) -> tensor<8x32xf32>
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] output_shape [8, 4, 8]
func.func @columns_are_heads(%x: tensor<8x16xf32>) -> tensor<8x4x8xf32> {
  %w = arith.constant dense<0.5> : tensor<16x4x8xf32>
  %cst = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x4x8xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<8x4x8xf32>) -> tensor<8x4x8xf32>
  %r = linalg.contract indexing_maps = [affine_map<(s, h, d, k) -> (s, k)>, affine_map<(s, h, d, k) -> (k, h, d)>, affine_map<(s, h, d, k) -> (s, h, d)>] ins(%x, %w : tensor<8x16xf32>, tensor<16x4x8xf32>) outs(%z : tensor<8x4x8xf32>) -> tensor<8x4x8xf32>
  return %r : tensor<8x4x8xf32>
}

// -----

// CHECK-LABEL: @matvec_rank_one
// CHECK: fptq.linear %arg0, %{{.*}} : (tensor<16xf32>, tensor<32x16xf32>) -> tensor<32xf32>
func.func @matvec_rank_one(%x: tensor<16xf32>) -> tensor<32xf32> {
  %w = arith.constant dense<0.5> : tensor<32x16xf32>
  %cst = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<32xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<32xf32>) -> tensor<32xf32>
  %r = linalg.matvec ins(%w, %x : tensor<32x16xf32>, tensor<16xf32>) outs(%z : tensor<32xf32>) -> tensor<32xf32>
  return %r : tensor<32xf32>
}

// -----

// torch einsum: batch_matmul with batch 1 and a weight behind expand and transpose.
// CHECK-LABEL: @unit_batch
// CHECK: fptq.linear %arg0, %{{.*}} : (tensor<1x8x16xf32>, tensor<32x16xf32>) -> tensor<1x8x32xf32>
func.func @unit_batch(%x: tensor<1x8x16xf32>) -> tensor<1x8x32xf32> {
  %w = arith.constant dense<0.5> : tensor<32x16xf32>
  %cst = arith.constant 0.0 : f32
  %x3 = tensor.expand_shape %w [[0, 1], [2]] output_shape [1, 32, 16] : tensor<32x16xf32> into tensor<1x32x16xf32>
  %te = tensor.empty() : tensor<1x16x32xf32>
  %t = linalg.transpose ins(%x3 : tensor<1x32x16xf32>) outs(%te : tensor<1x16x32xf32>) permutation = [0, 2, 1]
  %e = tensor.empty() : tensor<1x8x32xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<1x8x32xf32>) -> tensor<1x8x32xf32>
  %r = linalg.batch_matmul ins(%x, %t : tensor<1x8x16xf32>, tensor<1x16x32xf32>) outs(%z : tensor<1x8x32xf32>) -> tensor<1x8x32xf32>
  return %r : tensor<1x8x32xf32>
}

// -----

// Slices of one stacked parameter are layers of their own; the same slice twice is one.
// CHECK-LABEL: @stacked_parameter
// CHECK: layer("wq.0")
// CHECK: layer("wq.1")
// CHECK: layer("wq.0")
func.func @stacked_parameter(%x: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %w = arith.constant dense_resource<wq.weight> : tensor<2x16x16xf32>
  %cst = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x16xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<4x16xf32>) -> tensor<4x16xf32>
  %w0 = tensor.extract_slice %w[0, 0, 0] [1, 16, 16] [1, 1, 1] : tensor<2x16x16xf32> to tensor<16x16xf32>
  %w1 = tensor.extract_slice %w[1, 0, 0] [1, 16, 16] [1, 1, 1] : tensor<2x16x16xf32> to tensor<16x16xf32>
  %a = linalg.matmul ins(%x, %w0 : tensor<4x16xf32>, tensor<16x16xf32>) outs(%z : tensor<4x16xf32>) -> tensor<4x16xf32>
  %b = linalg.matmul ins(%a, %w1 : tensor<4x16xf32>, tensor<16x16xf32>) outs(%z : tensor<4x16xf32>) -> tensor<4x16xf32>
  %c = linalg.matmul ins(%b, %w0 : tensor<4x16xf32>, tensor<16x16xf32>) outs(%z : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %c : tensor<4x16xf32>
}

// -----

// A sum in arith, as whoever writes by hand has it, of what was spread along the rows.
// CHECK-LABEL: @bias_in_arith
// CHECK: %[[BIAS:.*]] = arith.constant dense<2.500000e-01> : tensor<3xf32>
// CHECK: %[[Y:.*]] = fptq.linear %{{.*}}, %{{.*}} bias(%[[BIAS]]) layer("linear_0") : {{.*}} -> tensor<4x3xf32>
// CHECK: return %[[Y]]
func.func @bias_in_arith(%x: tensor<4x8xf32>) -> tensor<4x3xf32> {
  %w = arith.constant dense<0.5> : tensor<8x3xf32>
  %bias = arith.constant dense<0.25> : tensor<3xf32>
  %z = arith.constant dense<0.0> : tensor<4x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x3xf32>) outs(%z : tensor<4x3xf32>) -> tensor<4x3xf32>
  %b = linalg.broadcast ins(%bias : tensor<3xf32>) outs(%z : tensor<4x3xf32>) dimensions = [0]
  %r = arith.addf %b, %y : tensor<4x3xf32>
  return %r : tensor<4x3xf32>
}

// -----

// A bias of one row, defined below the product, and a sum that knows how many rows there are.
// CHECK-LABEL: @bias_below
// CHECK: %[[ROW:.*]] = arith.constant dense<{{.*}}> : tensor<1x3xf32>
// CHECK: %[[BIAS:.*]] = tensor.collapse_shape %[[ROW]] {{\[\[}}0, 1]]
// CHECK: %[[Y:.*]] = fptq.linear %{{.*}}, %{{.*}} bias(%[[BIAS]]) layer("linear_0") : {{.*}} -> tensor<?x3xf32>
// CHECK: %[[CAST:.*]] = tensor.cast %[[Y]] : tensor<?x3xf32> to tensor<2x3xf32>
// CHECK: return %[[CAST]]
func.func @bias_below(%x: tensor<?x4xf32>, %init: tensor<?x3xf32>, %e: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %w = arith.constant dense<1.0> : tensor<4x3xf32>
  %zero = arith.constant 0.0 : f32
  %z = linalg.fill ins(%zero : f32) outs(%init : tensor<?x3xf32>) -> tensor<?x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x3xf32>) outs(%z : tensor<?x3xf32>) -> tensor<?x3xf32>
  %b = arith.constant dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (0, n)>, affine_map<(m, n) -> (m, n)>],
      iterator_types = ["parallel", "parallel"]} ins(%y, %b : tensor<?x3xf32>, tensor<1x3xf32>) outs(%e : tensor<2x3xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    linalg.yield %s : f32
  } -> tensor<2x3xf32>
  return %r : tensor<2x3xf32>
}

// -----

// What numbers a blob is no name; what only begins like it is one.
// CHECK-LABEL: @numbered_or_named
// CHECK: layer("linear_0")
// CHECK: layer("cstack.up")
func.func @numbered_or_named(%x: tensor<4x16xf32>, %z: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %w0 = arith.constant dense_resource<cst_3> : tensor<16x16xf32>
  %w1 = arith.constant dense_resource<cstack.up.weight> : tensor<16x16xf32>
  %a = linalg.matmul ins(%x, %w0 : tensor<4x16xf32>, tensor<16x16xf32>) outs(%z : tensor<4x16xf32>) -> tensor<4x16xf32>
  %b = linalg.matmul ins(%a, %w1 : tensor<4x16xf32>, tensor<16x16xf32>) outs(%z : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %b : tensor<4x16xf32>
}
