// Expressions whose trees are exponentially larger than their text: nothing to fuse, found out at once.
// RUN: fptq-opt %s --fptq-fuse | FileCheck %s
// CHECK-LABEL: @power
// CHECK-COUNT-40: arith.mulf
func.func @power(%a0: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %a1 = arith.mulf %a0, %a0 : tensor<4x8xf32>
  %a2 = arith.mulf %a1, %a1 : tensor<4x8xf32>
  %a3 = arith.mulf %a2, %a2 : tensor<4x8xf32>
  %a4 = arith.mulf %a3, %a3 : tensor<4x8xf32>
  %a5 = arith.mulf %a4, %a4 : tensor<4x8xf32>
  %a6 = arith.mulf %a5, %a5 : tensor<4x8xf32>
  %a7 = arith.mulf %a6, %a6 : tensor<4x8xf32>
  %a8 = arith.mulf %a7, %a7 : tensor<4x8xf32>
  %a9 = arith.mulf %a8, %a8 : tensor<4x8xf32>
  %a10 = arith.mulf %a9, %a9 : tensor<4x8xf32>
  %a11 = arith.mulf %a10, %a10 : tensor<4x8xf32>
  %a12 = arith.mulf %a11, %a11 : tensor<4x8xf32>
  %a13 = arith.mulf %a12, %a12 : tensor<4x8xf32>
  %a14 = arith.mulf %a13, %a13 : tensor<4x8xf32>
  %a15 = arith.mulf %a14, %a14 : tensor<4x8xf32>
  %a16 = arith.mulf %a15, %a15 : tensor<4x8xf32>
  %a17 = arith.mulf %a16, %a16 : tensor<4x8xf32>
  %a18 = arith.mulf %a17, %a17 : tensor<4x8xf32>
  %a19 = arith.mulf %a18, %a18 : tensor<4x8xf32>
  %a20 = arith.mulf %a19, %a19 : tensor<4x8xf32>
  %a21 = arith.mulf %a20, %a20 : tensor<4x8xf32>
  %a22 = arith.mulf %a21, %a21 : tensor<4x8xf32>
  %a23 = arith.mulf %a22, %a22 : tensor<4x8xf32>
  %a24 = arith.mulf %a23, %a23 : tensor<4x8xf32>
  %a25 = arith.mulf %a24, %a24 : tensor<4x8xf32>
  %a26 = arith.mulf %a25, %a25 : tensor<4x8xf32>
  %a27 = arith.mulf %a26, %a26 : tensor<4x8xf32>
  %a28 = arith.mulf %a27, %a27 : tensor<4x8xf32>
  %a29 = arith.mulf %a28, %a28 : tensor<4x8xf32>
  %a30 = arith.mulf %a29, %a29 : tensor<4x8xf32>
  %a31 = arith.mulf %a30, %a30 : tensor<4x8xf32>
  %a32 = arith.mulf %a31, %a31 : tensor<4x8xf32>
  %a33 = arith.mulf %a32, %a32 : tensor<4x8xf32>
  %a34 = arith.mulf %a33, %a33 : tensor<4x8xf32>
  %a35 = arith.mulf %a34, %a34 : tensor<4x8xf32>
  %a36 = arith.mulf %a35, %a35 : tensor<4x8xf32>
  %a37 = arith.mulf %a36, %a36 : tensor<4x8xf32>
  %a38 = arith.mulf %a37, %a37 : tensor<4x8xf32>
  %a39 = arith.mulf %a38, %a38 : tensor<4x8xf32>
  %a40 = arith.mulf %a39, %a39 : tensor<4x8xf32>
  return %a40 : tensor<4x8xf32>
}

// CHECK-LABEL: @sum
// CHECK-COUNT-40: arith.addf
// CHECK: math.exp
func.func @sum(%a0: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %a1 = arith.addf %a0, %a0 : tensor<4x8xf32>
  %a2 = arith.addf %a1, %a1 : tensor<4x8xf32>
  %a3 = arith.addf %a2, %a2 : tensor<4x8xf32>
  %a4 = arith.addf %a3, %a3 : tensor<4x8xf32>
  %a5 = arith.addf %a4, %a4 : tensor<4x8xf32>
  %a6 = arith.addf %a5, %a5 : tensor<4x8xf32>
  %a7 = arith.addf %a6, %a6 : tensor<4x8xf32>
  %a8 = arith.addf %a7, %a7 : tensor<4x8xf32>
  %a9 = arith.addf %a8, %a8 : tensor<4x8xf32>
  %a10 = arith.addf %a9, %a9 : tensor<4x8xf32>
  %a11 = arith.addf %a10, %a10 : tensor<4x8xf32>
  %a12 = arith.addf %a11, %a11 : tensor<4x8xf32>
  %a13 = arith.addf %a12, %a12 : tensor<4x8xf32>
  %a14 = arith.addf %a13, %a13 : tensor<4x8xf32>
  %a15 = arith.addf %a14, %a14 : tensor<4x8xf32>
  %a16 = arith.addf %a15, %a15 : tensor<4x8xf32>
  %a17 = arith.addf %a16, %a16 : tensor<4x8xf32>
  %a18 = arith.addf %a17, %a17 : tensor<4x8xf32>
  %a19 = arith.addf %a18, %a18 : tensor<4x8xf32>
  %a20 = arith.addf %a19, %a19 : tensor<4x8xf32>
  %a21 = arith.addf %a20, %a20 : tensor<4x8xf32>
  %a22 = arith.addf %a21, %a21 : tensor<4x8xf32>
  %a23 = arith.addf %a22, %a22 : tensor<4x8xf32>
  %a24 = arith.addf %a23, %a23 : tensor<4x8xf32>
  %a25 = arith.addf %a24, %a24 : tensor<4x8xf32>
  %a26 = arith.addf %a25, %a25 : tensor<4x8xf32>
  %a27 = arith.addf %a26, %a26 : tensor<4x8xf32>
  %a28 = arith.addf %a27, %a27 : tensor<4x8xf32>
  %a29 = arith.addf %a28, %a28 : tensor<4x8xf32>
  %a30 = arith.addf %a29, %a29 : tensor<4x8xf32>
  %a31 = arith.addf %a30, %a30 : tensor<4x8xf32>
  %a32 = arith.addf %a31, %a31 : tensor<4x8xf32>
  %a33 = arith.addf %a32, %a32 : tensor<4x8xf32>
  %a34 = arith.addf %a33, %a33 : tensor<4x8xf32>
  %a35 = arith.addf %a34, %a34 : tensor<4x8xf32>
  %a36 = arith.addf %a35, %a35 : tensor<4x8xf32>
  %a37 = arith.addf %a36, %a36 : tensor<4x8xf32>
  %a38 = arith.addf %a37, %a37 : tensor<4x8xf32>
  %a39 = arith.addf %a38, %a38 : tensor<4x8xf32>
  %a40 = arith.addf %a39, %a39 : tensor<4x8xf32>
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %n = arith.negf %a40 : tensor<4x8xf32>
  %e = math.exp %n : tensor<4x8xf32>
  %d = arith.addf %one, %e : tensor<4x8xf32>
  %y = arith.divf %a0, %d : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
