// What is not folded stays in float with a word, never an error.
// RUN: fptq-opt --fptq-raise --split-input-file %s --remarks-filter=Raise 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=WARNING --implicit-check-not=warning: --implicit-check-not=error: < %t.err

// Codes in a global, or in a region: floats made of them would be quantized a second time.
// CHECK-LABEL: @codes
// CHECK-NOT: fptq.linear
// CHECK-LABEL: @codes_in_a_region
// CHECK-NOT: fptq.linear
// WARNING: warning: this layer stays in float: its weight is computed from constants
// WARNING: warning: this layer stays in float: its weight is computed from constants
ml_program.global private @q.codes(dense<[[1, 2], [3, -8]]> : tensor<2x2xi8>) : tensor<2x2xi8>
func.func @codes(%x: tensor<4x2xf32>, %z: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = ml_program.global_load_const @q.codes : tensor<2x2xi8>
  %f = arith.sitofp %w : tensor<2x2xi8> to tensor<2x2xf32>
  %e = math.exp %f : tensor<2x2xf32>
  %r = linalg.matmul ins(%x, %e : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %r : tensor<4x2xf32>
}
func.func @codes_in_a_region(%x: tensor<4x2xf32>, %z: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %s = tensor.generate {
  ^bb0(%i: index, %j: index):
    %w = arith.constant dense<[1, -8]> : tensor<2xi8>
    %v = tensor.extract %w[%j] : tensor<2xi8>
    %c = arith.sitofp %v : i8 to f32
    tensor.yield %c : f32
  } : tensor<2x2xf32>
  %r = linalg.matmul ins(%x, %s : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %r : tensor<4x2xf32>
}

// -----

// One that cannot be compiled costs no other.
// CHECK-LABEL: @not_compiled
// CHECK: fptq.linear {{.*}} layer("a")
// CHECK: linalg.matmul
// CHECK: fptq.linear {{.*}} layer("c")
// WARNING: remark: [Missed] FoldedWeight {{.*}} Reason="{{.+}}", Remark="weight 'b.weight' left to the model to compute"
// WARNING: warning: this layer stays in float: its weight is computed from constants
func.func @not_compiled(%x: tensor<4x2xf32>, %z: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>) {
  %a = arith.constant dense_resource<a.weight> : tensor<2x2xf32>
  %b = arith.constant dense_resource<b.weight> : tensor<2x2xf8E4M3FN>
  %c = arith.constant dense_resource<c.weight> : tensor<2x2xf32>
  %aa = arith.mulf %a, %a : tensor<2x2xf32>
  %wide = arith.extf %b : tensor<2x2xf8E4M3FN> to tensor<2x2xf32>
  %bb = arith.mulf %wide, %wide : tensor<2x2xf32>
  %cc = arith.mulf %c, %c : tensor<2x2xf32>
  %0 = linalg.matmul ins(%x, %aa : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  %1 = linalg.matmul ins(%x, %bb : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  %2 = linalg.matmul ins(%x, %cc : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %0, %1, %2 : tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>
}
{-#
  dialect_resources: { builtin: {
    a.weight: "0x0400000000004040000080400000000000000040", b.weight: "0x0100000038383838",
    c.weight: "0x0400000000004040000080400000000000000040" } }
#-}

// -----

// K = 1, computed or not: rotary frequencies times positions. And the sum of rows, a product with ones.
// CHECK-LABEL: @computed_frequencies
// CHECK-NOT: fptq.linear
// CHECK-LABEL: @frequencies
// CHECK-NOT: fptq.linear
// CHECK-LABEL: @sum
// CHECK-NOT: fptq.linear
// WARNING: remark: [Missed] LeftAlone {{.*}} Reason="it has one input channel
// WARNING: remark: [Missed] LeftAlone {{.*}} Reason="it has one input channel
// WARNING: remark: [Missed] LeftAlone {{.*}} Reason="an operand is one number for all
func.func @computed_frequencies(%positions: tensor<1x1x?xf32>, %z: tensor<1x4x?xf32>) -> tensor<1x4x?xf32> {
  %exponents = arith.constant dense<[[[0.0], [0.25], [0.5], [0.75]]]> : tensor<1x4x1xf32>
  %f = math.exp %exponents : tensor<1x4x1xf32>
  %r = linalg.batch_matmul ins(%f, %positions : tensor<1x4x1xf32>, tensor<1x1x?xf32>) outs(%z : tensor<1x4x?xf32>) -> tensor<1x4x?xf32>
  return %r : tensor<1x4x?xf32>
}
func.func @frequencies(%positions: tensor<1x1x?xf32>, %z: tensor<1x4x?xf32>) -> tensor<1x4x?xf32> {
  %f = arith.constant dense<[[[1.0], [0.25], [0.5], [0.75]]]> : tensor<1x4x1xf32>
  %r = linalg.batch_matmul ins(%f, %positions : tensor<1x4x1xf32>, tensor<1x1x?xf32>) outs(%z : tensor<1x4x?xf32>) -> tensor<1x4x?xf32>
  return %r : tensor<1x4x?xf32>
}
func.func @sum(%x: tensor<2x8xf32>, %z: tensor<2x1xf32>) -> tensor<2x1xf32> {
  %e = tensor.empty() : tensor<8x1xf32>
  %one = arith.constant 1.0 : f32
  %ones = linalg.fill ins(%one : f32) outs(%e : tensor<8x1xf32>) -> tensor<8x1xf32>
  %r = linalg.matmul ins(%x, %ones : tensor<2x8xf32>, tensor<8x1xf32>) outs(%z : tensor<2x1xf32>) -> tensor<2x1xf32>
  return %r : tensor<2x1xf32>
}
