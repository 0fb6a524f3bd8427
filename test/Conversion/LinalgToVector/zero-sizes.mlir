// Loops that never run are their destination, before anything is tiled: upstream's tiling divides by their extents.
// RUN: fptq-opt --fptq-fuse-elementwise %s | FileCheck %s
// RUN: fptq-opt --fptq-x86-pipeline=tier=reference %s -o /dev/null
// RUN: fptq-opt --fptq-tile-for-vectors=parallel-min=1 %s -o /dev/null

// CHECK-LABEL: @no_input_channels
// CHECK: %[[ZERO:.*]] = linalg.fill
// CHECK-NOT: linalg.matmul
// CHECK: return %[[ZERO]]
func.func @no_input_channels(%x: tensor<4x0xf32>) -> tensor<4x8xf32> {
  %w = arith.constant dense<> : tensor<0x8xf32>
  %c = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x8xf32>
  %z = linalg.fill ins(%c : f32) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  %y = linalg.matmul ins(%x, %w : tensor<4x0xf32>, tensor<0x8xf32>) outs(%z : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: @no_rows
// CHECK-NOT: linalg
func.func @no_rows(%x: tensor<0x16xf32>) -> tensor<0x8xf32> {
  %w = arith.constant dense<1.0> : tensor<16x8xf32>
  %c = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<0x8xf32>
  %z = linalg.fill ins(%c : f32) outs(%e : tensor<0x8xf32>) -> tensor<0x8xf32>
  %y = linalg.matmul ins(%x, %w : tensor<0x16xf32>, tensor<16x8xf32>) outs(%z : tensor<0x8xf32>) -> tensor<0x8xf32>
  return %y : tensor<0x8xf32>
}

// CHECK-LABEL: @linear_of_no_rows
func.func @linear_of_no_rows(%x: tensor<?x0x16xf32>) -> tensor<?x0x8xf32> {
  %w = arith.constant dense<1.0> : tensor<8x16xf32>
  %y = fptq.linear %x, %w layer("a") : (tensor<?x0x16xf32>, tensor<8x16xf32>) -> tensor<?x0x8xf32>
  return %y : tensor<?x0x8xf32>
}

// A constant without elements is no global.
// CHECK-LABEL: @no_elements
// CHECK-NEXT: tensor.empty() : tensor<0x8xf32>
func.func @no_elements() -> tensor<0x8xf32> {
  %w = arith.constant dense<> : tensor<0x8xf32>
  return %w : tensor<0x8xf32>
}
