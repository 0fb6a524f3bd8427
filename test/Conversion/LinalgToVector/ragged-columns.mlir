// RUN: fptq-opt --pass-pipeline='builtin.module(func.func(fptq-tile-for-vectors{accumulators=384}),canonicalize,func.func(fptq-tile-reductions),canonicalize)' %s | FileCheck %s

// A product of an unknown number of columns: what 64 do not divide goes in tiles of 16, whole ones, whose sums stay in
// registers, and one that is masked.

// CHECK-LABEL: @columns
// CHECK: linalg.matmul {{.*}}sizes = array<i64: 4, 64, 1>{{.*}} outs({{.*}} : tensor<4x64xf32>)
// CHECK: scf.for {{.*}} step %c64
// CHECK: %[[WHOLE:.*]] = scf.for %{{.*}} = %c0 to %{{.*}} step %c16
// CHECK: linalg.matmul {{.*}}sizes = array<i64: 4, 16, 1>{{.*}} outs({{.*}} : tensor<4x16xf32>)
// CHECK: scf.for %{{.*}} step %c16 iter_args(%{{.*}} = %[[WHOLE]])
// CHECK: linalg.matmul {{.*}}sizes = array<i64: 4, 16, 1>{{.*}} outs({{.*}} : tensor<4x?xf32>)
// CHECK-NOT: linalg.matmul
func.func @columns(%x: tensor<4x70xf32>, %w: tensor<70x?xf32>, %f: tensor<4x?xf32>) -> tensor<4x?xf32> {
  %r = linalg.matmul ins(%x, %w : tensor<4x70xf32>, tensor<70x?xf32>) outs(%f : tensor<4x?xf32>) -> tensor<4x?xf32>
  return %r : tensor<4x?xf32>
}
