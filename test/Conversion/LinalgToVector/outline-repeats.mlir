// RUN: fptq-opt '--fptq-outline-repeats=minimum=3' --remarks-filter=LinalgToVector %s 2>&1 | FileCheck %s --check-prefix=OUTLINE
// RUN: fptq-opt '--fptq-outline-repeats=minimum=3' --fptq-merge-functions %s | FileCheck %s --check-prefix=MERGE

// Three layers between a prologue and an epilogue; the cut is where only the residual stream crosses. The scalar
// and the mask that all of them read: the one is copied, the other an argument.
// OUTLINE: remark: [Passed] LayersOutlined | Category:LinalgToVector | function=main, layers=3, ops=3
// OUTLINE: func.func private @main_layer(%{{.*}}: tensor<4xf32>, %{{.*}}: tensor<4xf32>, %{{.*}}: tensor<4xf32>) -> tensor<4xf32> attributes {no_inline}
// OUTLINE-NEXT: arith.addf
// OUTLINE-NEXT: arith.mulf
// OUTLINE-NEXT: arith.constant dense<2.0
// OUTLINE-NEXT: arith.maximumf
// OUTLINE-NEXT: return
// OUTLINE: func.func private @main_layer_0
// OUTLINE: func.func private @main_layer_1
// OUTLINE: func.func @main
// OUTLINE: math.sin
// OUTLINE-COUNT-3: call @main_layer
// OUTLINE-NEXT: math.cos

// MERGE-COUNT-1: func.func private
// MERGE-NOT: func.func private
// MERGE: func.func @main
// MERGE-COUNT-3: call @main_layer(
func.func @main(%x: tensor<4xf32>, %mask: tensor<4xf32>) -> tensor<4xf32> {
  %w0 = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %w1 = arith.constant dense<[1.5, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %w2 = arith.constant dense<[2.5, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %two = arith.constant dense<2.0> : tensor<4xf32>
  %p = math.sin %x : tensor<4xf32>
  %a0 = arith.addf %p, %w0 : tensor<4xf32>
  %b0 = arith.mulf %a0, %mask : tensor<4xf32>
  %c0 = arith.maximumf %b0, %two : tensor<4xf32>
  %a1 = arith.addf %c0, %w1 : tensor<4xf32>
  %b1 = arith.mulf %a1, %mask : tensor<4xf32>
  %c1 = arith.maximumf %b1, %two : tensor<4xf32>
  %a2 = arith.addf %c1, %w2 : tensor<4xf32>
  %b2 = arith.mulf %a2, %mask : tensor<4xf32>
  %c2 = arith.maximumf %b2, %two : tensor<4xf32>
  %y = math.cos %c2 : tensor<4xf32>
  return %y : tensor<4xf32>
}

// Nothing repeats: left alone.
// OUTLINE-LABEL: func.func @short
// OUTLINE-NOT: call
func.func @short(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = math.sin %x : tensor<4xf32>
  %b = math.cos %a : tensor<4xf32>
  %c = math.exp %b : tensor<4xf32>
  %d = math.log %c : tensor<4xf32>
  %e = math.tanh %d : tensor<4xf32>
  %f = math.erf %e : tensor<4xf32>
  %g = math.rsqrt %f : tensor<4xf32>
  %h = math.sqrt %g : tensor<4xf32>
  return %h : tensor<4xf32>
}
