// RUN: fptq-opt %s --fptq-lower-scale-channels | FileCheck %s

// CHECK: #[[ALL:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK: #[[COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK: #[[ROW:.*]] = affine_map<(d0, d1) -> (d0)>

// CHECK-LABEL: @activation
// CHECK: linalg.generic {indexing_maps = [#[[ALL]], #[[COLUMN]], #[[ALL]]], iterator_types = ["parallel", "parallel"]}
// CHECK: arith.mulf
// CHECK-NEXT: linalg.yield
// CHECK-NOT: fptq.scale_channels
func.func @activation(%x: tensor<?x4xf32>, %s: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = fptq.scale_channels %x, %s dim(1) : tensor<?x4xf32>, tensor<4xf32>
  return %y : tensor<?x4xf32>
}

// A half is multiplied in f32 and rounded once.
// CHECK-LABEL: @half_weight_rows
// CHECK: linalg.generic {indexing_maps = [#[[ALL]], #[[ROW]], #[[ALL]]], iterator_types = ["parallel", "parallel"]}
// CHECK: %[[WIDE:.*]] = arith.extf %{{.*}} : bf16 to f32
// CHECK: %[[PRODUCT:.*]] = arith.mulf %[[WIDE]], %{{.*}} : f32
// CHECK: arith.truncf %[[PRODUCT]] : f32 to bf16
func.func @half_weight_rows(%s: tensor<2xf32>) -> tensor<2x4xbf16> {
  %w = arith.constant dense<0.5> : tensor<2x4xbf16>
  %y = fptq.scale_channels %w, %s dim(0) : tensor<2x4xbf16>, tensor<2xf32>
  return %y : tensor<2x4xbf16>
}
