// RUN: split-file %s %t
// RUN: fptq-opt --fptq-raise --canonicalize --cse %t/batched.mlir | FileCheck %t/batched.mlir
// RUN: fptq-opt --fptq-raise --canonicalize --cse %t/routed.mlir | FileCheck %t/routed.mlir
// RUN: fptq-opt --fptq-raise %t/einsum.mlir | FileCheck %t/einsum.mlir
// RUN: fptq-opt --fptq-raise %t/left-alone.mlir --remarks-filter=Raise --remark-format=yaml --remarks-output-file=%t.yaml | FileCheck %t/left-alone.mlir
// RUN: FileCheck %t/left-alone.mlir --check-prefix=REASON < %t.yaml

//--- batched.mlir
// Every expert has tokens of its own: Llama 4.
// CHECK-LABEL: @batched
// CHECK-DAG: %[[W:.*]] = arith.constant dense_resource<experts.down_proj> : tensor<3x32x16xf32>
// CHECK: scf.for %[[E:.*]] = %c0 to %c3
// CHECK: %[[X:.*]] = tensor.extract_slice %arg0[%[[E]], 0, 0] [1, 8, 32] [1, 1, 1] : tensor<3x8x32xf32> to tensor<8x32xf32>
// CHECK: scf.index_switch %[[E]]
// CHECK-NEXT: case 1 {
// CHECK: %[[W1:.*]] = tensor.extract_slice %[[W]][1, 0, 0] [1, 32, 16]
// CHECK: %[[T1:.*]] = linalg.transpose ins(%[[W1]]
// CHECK: fptq.linear %[[X]], %[[T1]] layer("experts.down_proj.1") : (tensor<8x32xf32>, tensor<16x32xf32>) -> tensor<8x16xf32>
// CHECK: case 2 {
// CHECK: layer("experts.down_proj.2")
// CHECK: default {
// CHECK: layer("experts.down_proj.0")
// CHECK: tensor.insert_slice {{.*}}[%[[E]], 0, 0] [1, 8, 16]
// CHECK-NOT: linalg.batch_matmul
func.func @batched(%x: tensor<3x8x32xf32>) -> tensor<3x8x16xf32> {
  %w = arith.constant dense_resource<experts.down_proj> : tensor<3x32x16xf32>
  %z = arith.constant dense<0.0> : tensor<3x8x16xf32>
  %y = linalg.batch_matmul ins(%x, %w : tensor<3x8x32xf32>, tensor<3x32x16xf32>) outs(%z : tensor<3x8x16xf32>) -> tensor<3x8x16xf32>
  return %y : tensor<3x8x16xf32>
}

// The weight on the left, behind a transposition, and an accumulator that is added.
// CHECK-LABEL: @weight_first
// CHECK: fptq.linear {{.*}} layer("w.1") : (tensor<?x32xf32>, tensor<16x32xf32>) -> tensor<?x16xf32>
// CHECK: fptq.linear {{.*}} layer("w.0")
// CHECK: arith.addf {{.*}}, %arg1
func.func @weight_first(%x: tensor<2x32x?xf32>, %z: tensor<2x16x?xf32>) -> tensor<2x16x?xf32> {
  %w = arith.constant dense_resource<w.weight> : tensor<2x32x16xf32>
  %e = tensor.empty() : tensor<2x16x32xf32>
  %t = linalg.transpose ins(%w : tensor<2x32x16xf32>) outs(%e : tensor<2x16x32xf32>) permutation = [0, 2, 1]
  %y = linalg.batch_matmul ins(%t, %x : tensor<2x16x32xf32>, tensor<2x32x?xf32>) outs(%z : tensor<2x16x?xf32>) -> tensor<2x16x?xf32>
  return %y : tensor<2x16x?xf32>
}

// How many channels there are, the stack knows.
// CHECK-LABEL: @open
// CHECK: fptq.linear {{.*}} layer("experts.up_proj.1") : (tensor<?x32xf32>, tensor<16x32xf32>)
func.func @open(%x: tensor<3x?x?xf32>, %z: tensor<3x?x16xf32>) -> tensor<3x?x16xf32> {
  %w = arith.constant dense_resource<experts.up_proj> : tensor<3x32x16xf32>
  %y = linalg.batch_matmul ins(%x, %w : tensor<3x?x?xf32>, tensor<3x32x16xf32>) outs(%z : tensor<3x?x16xf32>) -> tensor<3x?x16xf32>
  return %y : tensor<3x?x16xf32>
}

// A convolution of kernel size 1 in groups (SqueezeBERT) is a linear for each group, on its own channels.
// CHECK-LABEL: @groups
// CHECK: scf.for %[[G:.*]] = %c0 to %c2
// CHECK: tensor.extract_slice %arg0[0, %[[G]], 0, 0, 0] [1, 1, 16, 1, 5] {{.*}} to tensor<1x16x1x5xf32>
// CHECK: fptq.linear {{.*}} layer("group.1") {{.*}}tensor<32x16xf32>)
// CHECK: fptq.linear {{.*}} layer("group.0")
// CHECK-NOT: linalg.conv
func.func @groups(%x: tensor<1x2x16x1x5xf32>, %z: tensor<1x2x32x1x5xf32>) -> tensor<1x2x32x1x5xf32> {
  %w = arith.constant dense_resource<group.weight> : tensor<2x32x16x1x1xf32>
  %y = linalg.conv_2d_ngchw_gfchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>}
    ins(%x, %w : tensor<1x2x16x1x5xf32>, tensor<2x32x16x1x1xf32>) outs(%z : tensor<1x2x32x1x5xf32>) -> tensor<1x2x32x1x5xf32>
  return %y : tensor<1x2x32x1x5xf32>
}

//--- routed.mlir
#ids = affine_map<(d0, d1, d2) -> (d0)>
#all = affine_map<(d0, d1, d2) -> (d0, d1, d2)>

// Tokens pick experts: Hugging Face's batched_mm through torch-mlir, two projections that pick alike.
// CHECK-LABEL: @routed
// CHECK: %[[IDS:.*]] = linalg.generic {{.*}} ins(%arg1 : tensor<?xi64>)
// CHECK: cf.assert %{{.*}}, "the model's own"
// CHECK: %[[COUNTS:.*]] = scf.for
// CHECK: cf.assert %{{.*}}, "expert is outside the stack of weights"
// CHECK: %[[OFFSETS:.*]] = scf.for {{.*}} to %c3
// CHECK: %[[ORDER:.*]]:2 = scf.for
// CHECK: linalg.yield
// CHECK-NEXT: } -> tensor<?x32xf32>
// CHECK: scf.for %[[E:.*]] = %c0 to %c3
// CHECK: %[[BEGIN:.*]] = tensor.extract %[[OFFSETS]][%[[E]]]
// CHECK: %[[COUNT:.*]] = arith.subi %{{.*}}, %[[BEGIN]]
// CHECK: %[[SOME:.*]] = arith.cmpi ne, %[[COUNT]], %c0
// CHECK: scf.if %[[SOME]]
// CHECK: %[[X:.*]] = tensor.extract_slice %{{.*}}[%[[BEGIN]], 0] [%[[COUNT]], 32]
// CHECK: scf.index_switch %[[E]]
// CHECK: case 1 {
// CHECK: %[[W1:.*]] = tensor.extract_slice %{{.*}}[1, 0, 0] [1, 16, 32] {{.*}} to tensor<16x32xf32>
// CHECK: fptq.linear %[[X]], %[[W1]] layer("experts.up_proj.1") : (tensor<?x32xf32>, tensor<16x32xf32>) -> tensor<?x16xf32>
// CHECK: layer("experts.up_proj.2")
// CHECK: layer("experts.up_proj.0")
// CHECK-NOT: cf.assert
// CHECK: scf.for %{{.*}} = %c0 to %c3
// CHECK: layer("experts.down_proj.1") : (tensor<?x16xf32>, tensor<32x16xf32>) -> tensor<?x32xf32>
// CHECK-NOT: linalg.batch_matmul
// CHECK-NOT: tensor<3x16x32xf32>
func.func @routed(%x: tensor<?x32x1xf32>, %ids: tensor<?xi64>) -> tensor<?x32x1xf32> {
  %up = arith.constant dense_resource<experts.up_proj> : tensor<3x16x32xf32>
  %down = arith.constant dense_resource<experts.down_proj> : tensor<3x32x16xf32>
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c0_i64 = arith.constant 0 : i64
  %s = tensor.dim %x, %c0 : tensor<?x32x1xf32>
  %e0 = tensor.empty(%s) : tensor<?x16x32xf32>
  %g0 = linalg.generic {indexing_maps = [#ids, #all], iterator_types = ["parallel", "parallel", "parallel"]} ins(%ids : tensor<?xi64>) outs(%e0 : tensor<?x16x32xf32>) {
  ^bb0(%id: i64, %out: f32):
    %ok = arith.cmpi sge, %id, %c0_i64 : i64
    cf.assert %ok, "the model's own"
    %i = arith.index_cast %id : i64 to index
    %n = linalg.index 1 : index
    %k = linalg.index 2 : index
    %v = tensor.extract %up[%i, %n, %k] : tensor<3x16x32xf32>
    linalg.yield %v : f32
  } -> tensor<?x16x32xf32>
  %e1 = tensor.empty(%s) : tensor<?x16x1xf32>
  %z1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x16x1xf32>) -> tensor<?x16x1xf32>
  %h = linalg.batch_matmul ins(%g0, %x : tensor<?x16x32xf32>, tensor<?x32x1xf32>) outs(%z1 : tensor<?x16x1xf32>) -> tensor<?x16x1xf32>
  %e2 = tensor.empty(%s) : tensor<?x32x16xf32>
  %g1 = linalg.generic {indexing_maps = [#ids, #all], iterator_types = ["parallel", "parallel", "parallel"]} ins(%ids : tensor<?xi64>) outs(%e2 : tensor<?x32x16xf32>) {
  ^bb0(%id: i64, %out: f32):
    %ok = arith.cmpi sge, %id, %c0_i64 : i64
    cf.assert %ok, "the model's own"
    %i = arith.index_cast %id : i64 to index
    %n = linalg.index 1 : index
    %k = linalg.index 2 : index
    %v = tensor.extract %down[%i, %n, %k] : tensor<3x32x16xf32>
    linalg.yield %v : f32
  } -> tensor<?x32x16xf32>
  %e3 = tensor.empty(%s) : tensor<?x32x1xf32>
  %z3 = linalg.fill ins(%zero : f32) outs(%e3 : tensor<?x32x1xf32>) -> tensor<?x32x1xf32>
  %y = linalg.batch_matmul ins(%g1, %h : tensor<?x32x16xf32>, tensor<?x16x1xf32>) outs(%z3 : tensor<?x32x1xf32>) -> tensor<?x32x1xf32>
  return %y : tensor<?x32x1xf32>
}

//--- einsum.mlir
// einsum("tk,tank->tan", x, w[ids]): picks of two dimensions, of which x has one, and a stack in bfloat16.
// CHECK-LABEL: @einsum
// CHECK: fptq.linear {{.*}} layer("w.1") : (tensor<?x32xf32>, tensor<16x32xbf16>) -> tensor<?x16xf32>
// CHECK: fptq.linear {{.*}} layer("w.0")
// CHECK: linalg.yield
// CHECK-NEXT: } -> tensor<5x2x16xf32>
func.func @einsum(%x: tensor<5x32xf32>, %ids: tensor<5x2xi32>) -> tensor<5x2x16xf32> {
  %w = arith.constant dense_resource<w> : tensor<4x16x32xbf16>
  %e = tensor.empty() : tensor<5x2x16x32xf32>
  %g = linalg.generic {indexing_maps = [affine_map<(t, a, n, k) -> (t, a)>, affine_map<(t, a, n, k) -> (t, a, n, k)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%ids : tensor<5x2xi32>) outs(%e : tensor<5x2x16x32xf32>) {
  ^bb0(%id: i32, %out: f32):
    %i = arith.index_cast %id : i32 to index
    %n = linalg.index 2 : index
    %k = linalg.index 3 : index
    %v = tensor.extract %w[%i, %n, %k] : tensor<4x16x32xbf16>
    %wide = arith.extf %v : bf16 to f32
    linalg.yield %wide : f32
  } -> tensor<5x2x16x32xf32>
  %z = arith.constant dense<0.0> : tensor<5x2x16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(t, a, n, k) -> (t, k)>, affine_map<(t, a, n, k) -> (t, a, n, k)>, affine_map<(t, a, n, k) -> (t, a, n)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %g : tensor<5x32xf32>, tensor<5x2x16x32xf32>) outs(%z : tensor<5x2x16xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<5x2x16xf32>
  return %y : tensor<5x2x16xf32>
}

//--- left-alone.mlir
// CHECK-LABEL: @few_channels
// CHECK: linalg.batch_matmul
// CHECK-NOT: fptq.linear
// REASON: the weight differs along a batch dimension and has fewer than 16 input or output channels each time
func.func @few_channels(%x: tensor<2x8x32xf32>) -> tensor<2x8x8xf32> {
  %w = arith.constant dense_resource<w> : tensor<2x32x8xf32>
  %z = arith.constant dense<0.0> : tensor<2x8x8xf32>
  %y = linalg.batch_matmul ins(%x, %w : tensor<2x8x32xf32>, tensor<2x32x8xf32>) outs(%z : tensor<2x8x8xf32>) -> tensor<2x8x8xf32>
  return %y : tensor<2x8x8xf32>
}

// CHECK-LABEL: @too_many
// CHECK: linalg.batch_matmul
// CHECK-NOT: fptq.linear
// REASON: the weight differs along a batch dimension of more than 1024
func.func @too_many(%x: tensor<1025x1x16xf32>) -> tensor<1025x1x16xf32> {
  %w = arith.constant dense_resource<w> : tensor<1025x16x16xf32>
  %z = arith.constant dense<0.0> : tensor<1025x1x16xf32>
  %y = linalg.batch_matmul ins(%x, %w : tensor<1025x1x16xf32>, tensor<1025x16x16xf32>) outs(%z : tensor<1025x1x16xf32>) -> tensor<1025x1x16xf32>
  return %y : tensor<1025x1x16xf32>
}

// CHECK-LABEL: @groups_of_a_convolution
// CHECK: linalg.conv_2d_ngchw_gfchw
// CHECK-NOT: fptq.linear
// REASON: the weight differs along a batch dimension, and windows of its input overlap (a convolution in groups)
func.func @groups_of_a_convolution(%x: tensor<1x2x16x12x12xf32>, %z: tensor<1x2x16x8x8xf32>) -> tensor<1x2x16x8x8xf32> {
  %w = arith.constant dense_resource<w> : tensor<2x16x16x5x5xf32>
  %y = linalg.conv_2d_ngchw_gfchw {dilations = dense<1> : tensor<2xi64>, strides = dense<1> : tensor<2xi64>}
    ins(%x, %w : tensor<1x2x16x12x12xf32>, tensor<2x16x16x5x5xf32>) outs(%z : tensor<1x2x16x8x8xf32>) -> tensor<1x2x16x8x8xf32>
  return %y : tensor<1x2x16x8x8xf32>
}

// CHECK-LABEL: @two_batches
// CHECK: linalg.generic
// CHECK-NOT: fptq.linear
// REASON: the weight differs along a batch dimension, in no form that is split into experts
func.func @two_batches(%x: tensor<2x3x8x16xf32>) -> tensor<2x3x8x16xf32> {
  %w = arith.constant dense_resource<w> : tensor<2x3x16x16xf32>
  %z = arith.constant dense<0.0> : tensor<2x3x8x16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(a, b, m, n, k) -> (a, b, m, k)>, affine_map<(a, b, m, n, k) -> (a, b, k, n)>, affine_map<(a, b, m, n, k) -> (a, b, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%x, %w : tensor<2x3x8x16xf32>, tensor<2x3x16x16xf32>) outs(%z : tensor<2x3x8x16xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<2x3x8x16xf32>
  return %y : tensor<2x3x8x16xf32>
}

// Summed over the picks: there is no place for each one's result.
// CHECK-LABEL: @summed
// CHECK-NOT: fptq.linear
// REASON: the weight differs along a batch dimension, in no form that is split into experts
func.func @summed(%x: tensor<5x32xf32>, %ids: tensor<5xi32>) -> tensor<16xf32> {
  %w = arith.constant dense_resource<w> : tensor<4x16x32xf32>
  %e = tensor.empty() : tensor<5x16x32xf32>
  %g = linalg.generic {indexing_maps = [affine_map<(t, n, k) -> (t)>, affine_map<(t, n, k) -> (t, n, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%ids : tensor<5xi32>) outs(%e : tensor<5x16x32xf32>) {
  ^bb0(%id: i32, %out: f32):
    %i = arith.index_cast %id : i32 to index
    %n = linalg.index 1 : index
    %k = linalg.index 2 : index
    %v = tensor.extract %w[%i, %n, %k] : tensor<4x16x32xf32>
    linalg.yield %v : f32
  } -> tensor<5x16x32xf32>
  %z = arith.constant dense<0.0> : tensor<16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(n, t, k) -> (t, k)>, affine_map<(n, t, k) -> (t, n, k)>, affine_map<(n, t, k) -> (n)>], iterator_types = ["parallel", "reduction", "reduction"]} ins(%x, %g : tensor<5x32xf32>, tensor<5x16x32xf32>) outs(%z : tensor<16xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// A slice of codes would be evaluated as floats, and quantized anew.
// CHECK-LABEL: @codes
// CHECK-NOT: fptq.linear
// REASON: its weight is a stack of quantized ones, whose codes are not taken apart
func.func @codes(%x: tensor<2x3x32xf32>) -> tensor<2x3x16xf32> {
  %c = arith.constant dense<7> : tensor<32x16xi8>
  %s = arith.constant dense<0.5> : tensor<32x1xf32>
  %d = fptq.dequantize %c, %s bits(4) group_size(32) : (tensor<32x16xi8>, tensor<32x1xf32>) -> tensor<32x32xf32>
  %w = tensor.expand_shape %d [[0, 1], [2]] output_shape [2, 16, 32] : tensor<32x32xf32> into tensor<2x16x32xf32>
  %z = arith.constant dense<0.0> : tensor<2x3x16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(b, m, n, k) -> (b, m, k)>, affine_map<(b, m, n, k) -> (b, n, k)>, affine_map<(b, m, n, k) -> (b, m, n)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %w : tensor<2x3x32xf32>, tensor<2x16x32xf32>) outs(%z : tensor<2x3x16xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %t = arith.addf %acc, %p : f32
    linalg.yield %t : f32
  } -> tensor<2x3x16xf32>
  return %y : tensor<2x3x16xf32>
}

// Nothing is computed at run time but by who evaluates constants.
// CHECK-LABEL: @two_constants
// CHECK-NOT: scf.index_switch
// CHECK: linalg.batch_matmul
func.func @two_constants() -> tensor<3x8x16xf32> {
  %x = arith.constant dense_resource<table> : tensor<3x8x32xf32>
  %w = arith.constant dense_resource<experts.down_proj> : tensor<3x32x16xf32>
  %z = arith.constant dense<0.0> : tensor<3x8x16xf32>
  %y = linalg.batch_matmul ins(%x, %w : tensor<3x8x32xf32>, tensor<3x32x16xf32>) outs(%z : tensor<3x8x16xf32>) -> tensor<3x8x16xf32>
  return %y : tensor<3x8x16xf32>
}

// An assert that differs along a row would be lost with the gather.
// CHECK-LABEL: @checked_rows
// CHECK-NOT: fptq.linear
// CHECK: cf.assert %{{.*}}, "too many rows"
// CHECK-NOT: fptq.linear
func.func @checked_rows(%x: tensor<5x32xf32>, %ids: tensor<5xi32>, %limit: index) -> tensor<5x16xf32> {
  %w = arith.constant dense_resource<w> : tensor<4x16x32xf32>
  %e = tensor.empty() : tensor<5x16x32xf32>
  %g = linalg.generic {indexing_maps = [affine_map<(t, n, k) -> (t)>, affine_map<(t, n, k) -> (t, n, k)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%ids : tensor<5xi32>) outs(%e : tensor<5x16x32xf32>) {
  ^bb0(%id: i32, %out: f32):
    %i = arith.index_cast %id : i32 to index
    %n = linalg.index 1 : index
    %k = linalg.index 2 : index
    %fits = arith.cmpi ult, %n, %limit : index
    cf.assert %fits, "too many rows"
    %v = tensor.extract %w[%i, %n, %k] : tensor<4x16x32xf32>
    linalg.yield %v : f32
  } -> tensor<5x16x32xf32>
  %z = arith.constant dense<0.0> : tensor<5x16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(t, n, k) -> (t, k)>, affine_map<(t, n, k) -> (t, n, k)>, affine_map<(t, n, k) -> (t, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %g : tensor<5x32xf32>, tensor<5x16x32xf32>) outs(%z : tensor<5x16xf32>) {
  ^bb0(%l: f32, %r: f32, %acc: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<5x16xf32>
  return %y : tensor<5x16xf32>
}
