// RUN: fptq-opt --fptq-raise %s --remarks-filter=Raise --remark-format=yaml --remarks-output-file=%t.yaml 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=REASON < %t.yaml
// RUN: FileCheck %s --check-prefix=WARNING --implicit-check-not=warning: < %t.err

// ONNX's QDQ with one scale for the weight, after torch-mlir; attention's own product is none of a layer's.
// CHECK-LABEL: @fused_integers
// CHECK: linalg.quantized_matmul
// WARNING: [[@LINE+4]]:8: warning: this layer stays in integers: its product is one of codes with zero points, and runs as the model has it: quantize weights per channel
func.func @fused_integers(%x: tensor<4x8xi8>, %k: tensor<8x8xi8>, %z: tensor<4x8xi32>, %zx: i32) -> (tensor<4x8xi32>, tensor<4x8xi32>) {
  %w = arith.constant dense_resource<a.codes> : tensor<8x8xi8>
  %zw = arith.constant 0 : i32
  %y = linalg.quantized_matmul ins(%x, %w, %zx, %zw : tensor<4x8xi8>, tensor<8x8xi8>, i32, i32) outs(%z : tensor<4x8xi32>) -> tensor<4x8xi32>
  %s = linalg.quantized_matmul ins(%x, %k, %zx, %zw : tensor<4x8xi8>, tensor<8x8xi8>, i32, i32) outs(%z : tensor<4x8xi32>) -> tensor<4x8xi32>
  return %y, %s : tensor<4x8xi32>, tensor<4x8xi32>
}

// CHECK-LABEL: @attention
// CHECK: linalg.batch_matmul
// CHECK-NOT: fptq.linear
// REASON: no operand is constant (a product of two activations)
func.func @attention(%q: tensor<4x8x16xf32>, %k: tensor<4x16x8xf32>) -> tensor<4x8x8xf32> {
  %cst = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8x8xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<4x8x8xf32>) -> tensor<4x8x8xf32>
  %r = linalg.batch_matmul ins(%q, %k : tensor<4x8x16xf32>, tensor<4x16x8xf32>) outs(%z : tensor<4x8x8xf32>) -> tensor<4x8x8xf32>
  return %r : tensor<4x8x8xf32>
}

// CHECK-LABEL: @integer_accumulator
// CHECK: linalg.matmul
// CHECK-NOT: fptq.linear
// REASON: its element types are not f32, f16 or bf16
func.func @integer_accumulator(%x: tensor<4x8xi8>) -> tensor<4x8xi32> {
  %w = arith.constant dense<1> : tensor<8x8xi8>
  %c = arith.constant 0 : i32
  %e = tensor.empty() : tensor<4x8xi32>
  %z = linalg.fill ins(%c : i32) outs(%e : tensor<4x8xi32>) -> tensor<4x8xi32>
  %r = linalg.matmul ins(%x, %w : tensor<4x8xi8>, tensor<8x8xi8>) outs(%z : tensor<4x8xi32>) -> tensor<4x8xi32>
  return %r : tensor<4x8xi32>
}

// CHECK-LABEL: @batched_weight
// CHECK: linalg.batch_matmul
// CHECK-NOT: fptq.linear
// REASON: the weight differs along a batch dimension
func.func @batched_weight(%x: tensor<4x8x16xf32>) -> tensor<4x8x8xf32> {
  %w = arith.constant dense<1.0> : tensor<4x16x8xf32>
  %cst = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8x8xf32>
  %z = linalg.fill ins(%cst : f32) outs(%e : tensor<4x8x8xf32>) -> tensor<4x8x8xf32>
  %r = linalg.batch_matmul ins(%x, %w : tensor<4x8x16xf32>, tensor<4x16x8xf32>) outs(%z : tensor<4x8x8xf32>) -> tensor<4x8x8xf32>
  return %r : tensor<4x8x8xf32>
}

// An accumulator that is no zero is added afterwards.
// CHECK-LABEL: @starts_at_residual
// CHECK: %[[Y:.*]] = fptq.linear
// CHECK: arith.addf %[[Y]], %arg1
func.func @starts_at_residual(%x: tensor<4x16xf32>, %r: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %w = arith.constant dense<1.0> : tensor<16x16xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x16xf32>, tensor<16x16xf32>) outs(%r : tensor<4x16xf32>) -> tensor<4x16xf32>
  return %y : tensor<4x16xf32>
}

// CHECK-LABEL: @no_output_channels
// CHECK: linalg.matmul
// CHECK-NOT: fptq.linear
// REASON: it has a dimension of size 0
func.func @no_output_channels(%x: tensor<4x16xf32>, %z: tensor<4x0xf32>) -> tensor<4x0xf32> {
  %w = arith.constant dense<> : tensor<16x0xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x16xf32>, tensor<16x0xf32>) outs(%z : tensor<4x0xf32>) -> tensor<4x0xf32>
  return %y : tensor<4x0xf32>
}

// CHECK-LABEL: @large_windows
// CHECK: linalg.conv_2d_nchw_fchw
// CHECK-NOT: fptq.linear
// REASON: windows of its input overlap, and a copy of them all would take more than 256 MiB
// WARNING: [[@LINE+4]]:8: warning: this layer stays in float: windows of its input overlap
func.func @large_windows(%x: tensor<1x64x514x514xf32>) -> tensor<1x64x512x512xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<64x64x3x3xf32>
  %z = arith.constant dense<0.0> : tensor<1x64x512x512xf32>
  %y = linalg.conv_2d_nchw_fchw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>} ins(%x, %w : tensor<1x64x514x514xf32>, tensor<64x64x3x3xf32>) outs(%z : tensor<1x64x512x512xf32>) -> tensor<1x64x512x512xf32>
  return %y : tensor<1x64x512x512xf32>
}

// f64 is no type of the kernels.
// CHECK-LABEL: @doubles
// CHECK: linalg.matmul
// REASON: its element types are not f32, f16 or bf16
// WARNING: [[@LINE+3]]:8: warning: this layer stays in float: its element types are not f32, f16 or bf16 (weight 'd.weight')
func.func @doubles(%x: tensor<4x16xf64>, %z: tensor<4x8xf64>) -> tensor<4x8xf64> {
  %w = arith.constant dense_resource<d.weight> : tensor<16x8xf64>
  %y = linalg.matmul ins(%x, %w : tensor<4x16xf64>, tensor<16x8xf64>) outs(%z : tensor<4x8xf64>) -> tensor<4x8xf64>
  return %y : tensor<4x8xf64>
}

// A window that is read backwards.
// CHECK-LABEL: @backwards
// CHECK: linalg.generic
// CHECK-NOT: fptq.linear
// REASON: its input is not read at sums of loops
func.func @backwards(%x: tensor<9x16xf32>, %z: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<8x4x16xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, i, k) -> (m - i + 4, k)>, affine_map<(m, n, i, k) -> (n, i, k)>, affine_map<(m, n, i, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%x, %w : tensor<9x16xf32>, tensor<8x4x16xf32>) outs(%z : tensor<4x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %f = math.fma %p, %q, %o : f32
    linalg.yield %f : f32
  } -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: @depthwise
// CHECK: linalg.depthwise_conv_2d_nchw_chw
// REASON: the weight differs along a batch dimension
func.func @depthwise(%x: tensor<2x3x4x4xf32>) -> tensor<2x3x4x4xf32> {
  %w = arith.constant dense_resource<a.weight> : tensor<3x1x1xf32>
  %z = arith.constant dense<0.0> : tensor<2x3x4x4xf32>
  %y = linalg.depthwise_conv_2d_nchw_chw {dilations = dense<1> : vector<2xi64>, strides = dense<1> : vector<2xi64>} ins(%x, %w : tensor<2x3x4x4xf32>, tensor<3x1x1xf32>) outs(%z : tensor<2x3x4x4xf32>) -> tensor<2x3x4x4xf32>
  return %y : tensor<2x3x4x4xf32>
}

// CHECK-LABEL: @from_integers
// CHECK: linalg.matmul
// CHECK-NOT: fptq.linear
// REASON: its weight is computed from constants in a way that was not evaluated
// WARNING: [[@LINE+5]]:8: warning: this layer stays in float: its weight is computed from constants
func.func @from_integers(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %v = arith.constant dense_resource<a.v> : tensor<8x8xi16>
  %w = arith.sitofp %v : tensor<8x8xi16> to tensor<8x8xf32>
  %z = arith.constant dense<0.0> : tensor<4x8xf32>
  %r = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x8xf32>) outs(%z : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %r : tensor<4x8xf32>
}

// CHECK-LABEL: @loop_over_layers
// CHECK: linalg.matmul
// CHECK-NOT: fptq.linear
// REASON: its weight is a part of a constant, or one of two, that is chosen when the model runs
// WARNING: [[@LINE+8]]:10: warning: this layer stays in float: its weight is a part of a constant
func.func @loop_over_layers(%x: tensor<4x8xf32>, %c3: index) -> tensor<4x8xf32> {
  %stack = arith.constant dense_resource<layers.weight> : tensor<3x8x8xf32>
  %z = arith.constant dense<0.0> : tensor<4x8xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %c3 step %c1 iter_args(%h = %x) -> tensor<4x8xf32> {
    %w = tensor.extract_slice %stack[%i, 0, 0] [1, 8, 8] [1, 1, 1] : tensor<3x8x8xf32> to tensor<8x8xf32>
    %y = linalg.matmul ins(%h, %w : tensor<4x8xf32>, tensor<8x8xf32>) outs(%z : tensor<4x8xf32>) -> tensor<4x8xf32>
    scf.yield %y : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}

// A bias of the branch that adds it is not there yet where the linear is.
// CHECK-LABEL: @added_in_a_branch
// CHECK: %[[Y:.*]] = fptq.linear %{{.*}}, %{{.*}} layer("linear_{{[0-9]+}}")
// CHECK: scf.if
// CHECK: linalg.generic {{.*}} ins(%[[Y]],
func.func @added_in_a_branch(%x: tensor<4x8xf32>, %p: i1) -> tensor<4x8xf32> {
  %w = arith.constant dense<1.0> : tensor<8x8xf32>
  %z = arith.constant dense<0.0> : tensor<4x8xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x8xf32>) outs(%z : tensor<4x8xf32>) -> tensor<4x8xf32>
  %r = scf.if %p -> tensor<4x8xf32> {
    %b = arith.constant dense<2.0> : tensor<8xf32>
    %s = linalg.generic {indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>],
        iterator_types = ["parallel", "parallel"]} ins(%y, %b : tensor<4x8xf32>, tensor<8xf32>) outs(%z : tensor<4x8xf32>) {
    ^bb0(%a: f32, %c: f32, %o: f32):
      %sum = arith.addf %a, %c : f32
      linalg.yield %sum : f32
    } -> tensor<4x8xf32>
    scf.yield %s : tensor<4x8xf32>
  } else {
    scf.yield %z : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}

// One kernel for all channels, however large the image: no layer, and no warning.
// CHECK-LABEL: @blurred
// CHECK-NOT: fptq.linear
// REASON: it has no output or no input channels of its own
func.func @blurred(%x: tensor<1x64x1026x1026xf32>, %z: tensor<1x64x1024x1024xf32>) -> tensor<1x64x1024x1024xf32> {
  %w = arith.constant dense_resource<blur> : tensor<3x3xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(n, c, h, w, i, j) -> (n, c, h + i, w + j)>, affine_map<(n, c, h, w, i, j) -> (i, j)>, affine_map<(n, c, h, w, i, j) -> (n, c, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : tensor<1x64x1026x1026xf32>, tensor<3x3xf32>) outs(%z : tensor<1x64x1024x1024xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<1x64x1024x1024xf32>
  return %y : tensor<1x64x1024x1024xf32>
}

// No input channels, as far as the kernel tells: nothing to name a layer by.
// CHECK-LABEL: @no_channels
// CHECK-NOT: fptq.linear
func.func @no_channels(%x: tensor<2x?x12xf32>, %z: tensor<2x8x3xf32>) -> tensor<2x8x3xf32> {
  %w = arith.constant dense<1.0> : tensor<8x0x4xf32>
  %y = linalg.conv_1d_ncw_fcw {dilations = dense<1> : tensor<1xi64>, strides = dense<4> : tensor<1xi64>}
    ins(%x, %w : tensor<2x?x12xf32>, tensor<8x0x4xf32>) outs(%z : tensor<2x8x3xf32>) -> tensor<2x8x3xf32>
  return %y : tensor<2x8x3xf32>
}

// What the model keeps from call to call is no weight, though no argument has a part in it: no warning of a layer.
// CHECK-LABEL: @state
// CHECK: linalg.matmul
ml_program.global private mutable @cache(dense<0.5> : tensor<8x4xf32>) : tensor<8x4xf32>
func.func @state(%q: tensor<2x8xf32>, %k: tensor<8x4xf32>, %z: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %old = ml_program.global_load @cache : tensor<8x4xf32>
  %y = linalg.matmul ins(%q, %old : tensor<2x8xf32>, tensor<8x4xf32>) outs(%z : tensor<2x4xf32>) -> tensor<2x4xf32>
  ml_program.global_store @cache = %k : tensor<8x4xf32>
  return %y : tensor<2x4xf32>
}
