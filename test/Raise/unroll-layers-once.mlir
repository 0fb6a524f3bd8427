// A loop that is left alone is named once, though it is looked at again after each one that is unrolled.
// RUN: fptq-opt --fptq-unroll-layers="max-operations=16" --remark-format=emitRemark --remarks-filter=Raise %s 2>&1 >/dev/null | FileCheck %s
// CHECK-COUNT-1: LeftAlone
// CHECK-NOT: LeftAlone
func.func @stacks(%x: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %stack = arith.constant dense_resource<w> : tensor<2x2x2xf32>
  %z = arith.constant dense<0.0> : tensor<4x2xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %large = scf.for %i = %c0 to %c2 step %c1 iter_args(%h = %x) -> tensor<4x2xf32> {
    %w = tensor.extract_slice %stack[%i, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<2x2x2xf32> to tensor<2x2xf32>
    %a = linalg.matmul ins(%h, %w : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
    %b = linalg.matmul ins(%a, %w : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
    scf.yield %b : tensor<4x2xf32>
  }
  %one = scf.for %i = %c0 to %c2 step %c1 iter_args(%h = %x) -> tensor<4x2xf32> {
    %w = tensor.extract_slice %stack[%i, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<2x2x2xf32> to tensor<2x2xf32>
    %y = linalg.matmul ins(%h, %w : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
    scf.yield %y : tensor<4x2xf32>
  }
  return %large, %one : tensor<4x2xf32>, tensor<4x2xf32>
}
{-#
  dialect_resources: { builtin: { w: "0x040000000000803F0000004000004040000080400000A0400000C0400000E04000000041" } }
#-}
