// Quantized weights of other tools, in !quant types and as arithmetic: the same codes in every spelling.
// RUN: fptq-opt %s --fptq-import-quant --canonicalize -split-input-file | FileCheck %s

// Per axis, rows of N: one group along K. Signed storage without zero points is symmetric: codes + 8.
// CHECK-LABEL: @per_axis
// CHECK-DAG: %[[C:.*]] = arith.constant {{.*}}dense<{{\[}}[-71, -105], [8, -121]]> : tensor<2x2xi8>
// CHECK-DAG: %[[S:.*]] = arith.constant dense<{{\[}}[5.000000e-01], [2.500000e-01]]> : tensor<2x1xf32>
// CHECK: %[[W:.*]] = fptq.dequantize %[[C]], %[[S]] bits(4) group_size(4)
// CHECK: linalg.matmul {{.*}}%[[W]]
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @per_axis(%x: tensor<3x4xf32>, %y: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %c = arith.constant dense<[[1, 3, -1, 1], [0, -8, -1, 0]]> : tensor<2x4xi4>
  %q = quant.scast %c : tensor<2x4xi4> to tensor<2x4x!quant.uniform<i4:f32:0, {0.5, 0.25}>>
  %f = quant.dcast %q : tensor<2x4x!quant.uniform<i4:f32:0, {0.5, 0.25}>> to tensor<2x4xf32>
  %r = linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %f : tensor<3x4xf32>, tensor<2x4xf32>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// -----

// Sub-channel with zero points, unsigned storage; the weight lies K x N, so blocks along dimension 0.
// CHECK-LABEL: @sub_channel
// CHECK-DAG: %[[C:.*]] = arith.constant {{.*}}dense<{{\[}}[33, 67], [101, -121]]> : tensor<2x2xi8>
// CHECK-DAG: %[[S:.*]] = arith.constant dense<{{\[}}[1.000000e+00, 3.000000e+00], [2.000000e+00, 4.000000e+00]]>
// CHECK-DAG: %[[Z:.*]] = arith.constant dense<{{\[}}[0, 15], [1, 2]]> : tensor<2x2xi8>
// CHECK: %[[W:.*]] = fptq.dequantize %[[C]], %[[S]] zeros(%[[Z]]) bits(4) group_size(2)
// CHECK: %[[T:.*]] = linalg.transpose ins(%[[W]]
// CHECK: linalg.matmul {{.*}}%[[T]]
!blocks = !quant.uniform<u4:f32:{0:2, 1:1}, {{1.0:0, 2.0:1}, {3.0:15, 4.0:2}}>
func.func @sub_channel(%x: tensor<3x4xf32>, %y: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %c = arith.constant dense<[[1, 5], [2, 6], [3, 7], [4, 8]]> : tensor<4x2xi4>
  %q = quant.scast %c : tensor<4x2xi4> to tensor<4x2x!blocks>
  %f = quant.dcast %q : tensor<4x2x!blocks> to tensor<4x2xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x2xf32>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// -----

// qcast of floats is rounded half to even and clamped: 0.5 -> 0, 1.5 -> 2, -2.5 -> -2, 99 -> 7.
// CHECK-LABEL: @rounds_to_even
// CHECK: arith.constant {{.*}}dense<{{\[}}[-88, -10]]> : tensor<1x2xi8>
func.func @rounds_to_even(%x: tensor<3x4xf32>, %y: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %w = arith.constant dense<[[0.5], [1.5], [-2.5], [99.0]]> : tensor<4x1xf32>
  %q = quant.qcast %w : tensor<4x1xf32> to tensor<4x1x!quant.uniform<i4:f32, 1.0>>
  %f = quant.dcast %q : tensor<4x1x!quant.uniform<i4:f32, 1.0>> to tensor<4x1xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}

// -----

// PT2E group-wise: i8 storage, groups by expand_shape, integer zero points, three ops, transposed for the product.
// CHECK-LABEL: @groups_by_reshape
// CHECK-DAG: %[[C:.*]] = arith.constant {{.*}}dense<{{\[}}[33, 67]]> : tensor<1x2xi8>
// CHECK-DAG: %[[S:.*]] = arith.constant dense<{{\[}}[5.000000e-01, 1.000000e+00]]> : tensor<1x2xf32>
// CHECK-DAG: %[[Z:.*]] = arith.constant dense<{{\[}}[0, 12]]> : tensor<1x2xi8>
// CHECK: fptq.dequantize %[[C]], %[[S]] zeros(%[[Z]]) bits(4) group_size(2)
#all = affine_map<(n, g, k) -> (n, g, k)>
#group = affine_map<(n, g, k) -> (n, g)>
func.func @groups_by_reshape(%x: tensor<3x4xf32>, %y: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %c = arith.constant dense<[[1, 2, 3, 4]]> : tensor<1x4xi8>
  %s = arith.constant dense<[[0.5, 1.0]]> : tensor<1x2xf32>
  %z = arith.constant dense<[[0, 12]]> : tensor<1x2xi8>
  %e = tensor.expand_shape %c [[0], [1, 2]] output_shape [1, 2, 2] : tensor<1x4xi8> into tensor<1x2x2xi8>
  %i = tensor.empty() : tensor<1x2x2xf32>
  %d = linalg.generic {indexing_maps = [#all, #group, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%e, %z : tensor<1x2x2xi8>, tensor<1x2xi8>) outs(%i : tensor<1x2x2xf32>) {
  ^bb0(%a: i8, %b: i8, %o: f32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.subi %0, %1 : i32
    %3 = arith.sitofp %2 : i32 to f32
    linalg.yield %3 : f32
  } -> tensor<1x2x2xf32>
  %f = linalg.generic {indexing_maps = [#all, #group, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%d, %s : tensor<1x2x2xf32>, tensor<1x2xf32>) outs(%i : tensor<1x2x2xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    linalg.yield %0 : f32
  } -> tensor<1x2x2xf32>
  %w = tensor.collapse_shape %f [[0], [1, 2]] : tensor<1x2x2xf32> into tensor<1x4xf32>
  %t = tensor.empty() : tensor<4x1xf32>
  %wt = linalg.transpose ins(%w : tensor<1x4xf32>) outs(%t : tensor<4x1xf32>) permutation = [1, 0]
  %r = linalg.matmul ins(%x, %wt : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}

// -----

// Groups by a flat view: [N*K/2, 2] with one scale a row.
// CHECK-LABEL: @flat_groups
// CHECK-DAG: arith.constant dense<{{\[}}[1.000000e+00, 2.000000e+00], [3.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>
// CHECK: fptq.dequantize {{.*}} bits(4) group_size(2)
#both = affine_map<(g, k) -> (g, k)>
#first = affine_map<(g, k) -> (g)>
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @flat_groups(%x: tensor<3x4xf32>, %y: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %c = arith.constant dense<[[1, 2], [3, 4], [5, 6], [7, -8]]> : tensor<4x2xi4>
  %s = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %i = tensor.empty() : tensor<4x2xf32>
  %d = linalg.generic {indexing_maps = [#both, #first, #both], iterator_types = ["parallel", "parallel"]}
      ins(%c, %s : tensor<4x2xi4>, tensor<4xf32>) outs(%i : tensor<4x2xf32>) {
  ^bb0(%a: i4, %b: f32, %o: f32):
    %0 = arith.sitofp %a : i4 to f32
    %1 = arith.mulf %b, %0 : f32
    linalg.yield %1 : f32
  } -> tensor<4x2xf32>
  %f = tensor.collapse_shape %d [[0, 1]] : tensor<4x2xf32> into tensor<8xf32>
  %e = tensor.expand_shape %f [[0, 1]] output_shape [2, 4] : tensor<8xf32> into tensor<2x4xf32>
  %r = linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %e : tensor<3x4xf32>, tensor<2x4xf32>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// -----

// Codes that need 8 bits, unsigned around 128; per tensor; the layer keeps its name.
// CHECK-LABEL: @bytes
// CHECK-DAG: %[[C:.*]] = arith.constant {fptq.name = "model.q_proj.weight"} dense<{{\[}}[-128, 127, 0, 1]]> : tensor<1x4xi8>
// CHECK: fptq.dequantize %[[C]], %{{.*}} bits(8) group_size(4)
func.func @bytes(%x: tensor<3x4xf32>, %y: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %c = arith.constant dense_resource<"model.q_proj.weight"> : tensor<4x1xi8>
  %q = quant.scast %c : tensor<4x1xi8> to tensor<4x1x!quant.uniform<u8:f32, 0.5:128>>
  %f = quant.dcast %q : tensor<4x1x!quant.uniform<u8:f32, 0.5:128>> to tensor<4x1xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}
{-# dialect_resources: { builtin: { "model.q_proj.weight": "0x0100000000FF8081" } } #-}

// -----

// torch-mlir keeps a scale as f64 and a zero point as i64, narrowed in the body; K x N, straight into the product.
// CHECK-LABEL: @narrowed
// CHECK-DAG: arith.constant {{.*}}dense<{{\[}}[33, 67]]> : tensor<1x2xi8>
// CHECK-DAG: arith.constant dense<1.000000e-01> : tensor<1x1xf32>
// CHECK-DAG: arith.constant dense<15> : tensor<1x1xi8>
// CHECK: fptq.dequantize {{.*}} bits(4) group_size(4)
#ab = affine_map<(a, b) -> (a, b)>
func.func @narrowed(%x: tensor<3x4xf32>, %y: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %c = arith.constant dense<[[1], [2], [3], [4]]> : tensor<4x1xi8>
  %s = arith.constant 0.1 : f64
  %z = arith.constant 15 : i64
  %i = tensor.empty() : tensor<4x1xf32>
  %f = linalg.generic {indexing_maps = [#ab, #ab], iterator_types = ["parallel", "parallel"]}
      ins(%c : tensor<4x1xi8>) outs(%i : tensor<4x1xf32>) {
  ^bb0(%a: i8, %o: f32):
    %0 = arith.extsi %a : i8 to i32
    %1 = arith.trunci %z : i64 to i32
    %2 = arith.subi %0, %1 : i32
    %3 = arith.sitofp %2 : i32 to f32
    %4 = arith.truncf %s : f64 to f32
    %5 = arith.mulf %3, %4 : f32
    linalg.yield %5 : f32
  } -> tensor<4x1xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}

// -----

// The same resource in two functions is one weight; an embedding table that no product reads is one too.
// CHECK-LABEL: @prefill
// CHECK: fptq.dequantize
// CHECK-LABEL: @decode
// CHECK: fptq.dequantize
// CHECK: tensor.extract
// CHECK: builtin: {
// CHECK-NEXT: torch_tensor_2_128_1
// CHECK-NOT: torch_tensor
func.func @prefill(%x: tensor<3x128xf32>, %y: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %c = arith.constant dense_resource<torch_tensor_2_128> : tensor<128x2xi4>
  %q = quant.scast %c : tensor<128x2xi4> to tensor<128x2x!quant.uniform<i4:f32, 0.5>>
  %f = quant.dcast %q : tensor<128x2x!quant.uniform<i4:f32, 0.5>> to tensor<128x2xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x128xf32>, tensor<128x2xf32>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}
func.func @decode(%x: tensor<1x128xf32>, %y: tensor<1x2xf32>, %i: index) -> (tensor<1x2xf32>, f32) {
  %c = arith.constant dense_resource<torch_tensor_2_128> : tensor<128x2xi4>
  %q = quant.scast %c : tensor<128x2xi4> to tensor<128x2x!quant.uniform<i4:f32, 0.5>>
  %f = quant.dcast %q : tensor<128x2x!quant.uniform<i4:f32, 0.5>> to tensor<128x2xf32>
  %r = linalg.matmul ins(%x, %f : tensor<1x128xf32>, tensor<128x2xf32>) outs(%y : tensor<1x2xf32>) -> tensor<1x2xf32>
  %t = arith.constant dense<[[1, 2]]> : tensor<1x2xi8>
  %tq = quant.scast %t : tensor<1x2xi8> to tensor<1x2x!quant.uniform<i8:f32, 0.5>>
  %tf = quant.dcast %tq : tensor<1x2x!quant.uniform<i8:f32, 0.5>> to tensor<1x2xf32>
  %e = tensor.extract %tf[%i, %i] : tensor<1x2xf32>
  return %r, %e : tensor<1x2xf32>, f32
}
{-# dialect_resources: { builtin: { torch_tensor_2_128: "0x010000001212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212" } } #-}

// -----

// Layers of a stack that was a loop; an activation that is looked up by ids in a body starts from an argument, whatever codes
// are in it.
// CHECK-LABEL: @stacked
// CHECK-DAG: arith.constant {fptq.name = "layers.0"} dense<{{\[\[}}1, 2], [30, 40]]> : tensor<2x2xi8>
// CHECK-DAG: arith.constant {fptq.name = "layers.1"} dense<{{\[\[}}50, 60], [70, 80]]> : tensor<2x2xi8>
// CHECK: linalg.batch_matmul
func.func @stacked(%x: tensor<4x2xf32>, %ids: tensor<4xindex>, %z: tensor<4x2xf32>, %z3: tensor<1x4x4xf32>) -> (tensor<4x2xf32>, tensor<1x4x4xf32>) {
  %stack = arith.constant {fptq.name = "layers"} dense<[[[1, 2], [30, 40]], [[50, 60], [70, 80]]]> : tensor<2x2x2xi8>
  %scale = arith.constant 0.5 : f32
  %s0 = tensor.extract_slice %stack[0, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<2x2x2xi8> to tensor<2x2xi8>
  %s1 = tensor.extract_slice %stack[1, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<2x2x2xi8> to tensor<1x2x2xi8>
  %c1 = tensor.collapse_shape %s1 [[0, 1], [2]] : tensor<1x2x2xi8> into tensor<2x2xi8>
  %f0 = arith.sitofp %s0 : tensor<2x2xi8> to tensor<2x2xf32>
  %f1 = arith.sitofp %c1 : tensor<2x2xi8> to tensor<2x2xf32>
  %scales = arith.constant dense<0.5> : tensor<2x2xf32>
  %w0 = arith.mulf %f0, %scales : tensor<2x2xf32>
  %w1 = arith.mulf %f1, %scales : tensor<2x2xf32>
  %h = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %w0 : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%h, %w1 : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  %e = tensor.empty() : tensor<1x4x2xf32>
  %looked = linalg.generic {indexing_maps = [affine_map<(b, i, j) -> (b, i, j)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%e : tensor<1x4x2xf32>) {
  ^bb0(%out: f32):
    %i = linalg.index 1 : index
    %j = linalg.index 2 : index
    %id = tensor.extract %ids[%i] : tensor<4xindex>
    %v = tensor.extract %w0[%id, %j] : tensor<2x2xf32>
    linalg.yield %v : f32
  } -> tensor<1x4x2xf32>
  %t = tensor.empty() : tensor<1x2x4xf32>
  %keys = linalg.transpose ins(%looked : tensor<1x4x2xf32>) outs(%t : tensor<1x2x4xf32>) permutation = [0, 2, 1]
  %r = linalg.batch_matmul ins(%looked, %keys : tensor<1x4x2xf32>, tensor<1x2x4xf32>) outs(%z3 : tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
  return %y, %r : tensor<4x2xf32>, tensor<1x4x4xf32>
}
