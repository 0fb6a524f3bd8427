// What --stablehlo-legalize-to-linalg leaves, as torch-mlir-opt prints it. What it computes: test/python/test_stablehlo.py.
// RUN: fptq-opt --fptq-import-frontend %s | FileCheck %s
// RUN: fptq-opt %s | fptq-opt --fptq-import-frontend | FileCheck %s

#map = affine_map<() -> ()>

// CHECK-LABEL: @while
// CHECK: scf.while (%{{.*}} = %arg0, %{{.*}} = %arg1) : (tensor<4xf32>, tensor<i32>) -> (tensor<4xf32>, tensor<i32>)
// CHECK: scf.condition(%{{.*}}) %{{.*}}, %{{.*}} : tensor<4xf32>, tensor<i32>
// CHECK: scf.yield %{{.*}}, %{{.*}} : tensor<4xf32>, tensor<i32>
func.func @while(%x: tensor<4xf32>, %n: tensor<i32>) -> tensor<4xf32> {
  %0:2 = stablehlo.while(%iterArg = %x, %iterArg_0 = %n) : tensor<4xf32>, tensor<i32>
  cond {
    %1 = tensor.empty() : tensor<i1>
    %2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = []} ins(%iterArg_0 : tensor<i32>) outs(%1 : tensor<i1>) {
    ^bb0(%in: i32, %out: i1):
      %c0 = arith.constant 0 : i32
      %3 = arith.cmpi sgt, %in, %c0 : i32
      linalg.yield %3 : i1
    } -> tensor<i1>
    stablehlo.return %2 : tensor<i1>
  } do {
    %1 = arith.addf %iterArg, %iterArg : tensor<4xf32>
    %c1 = arith.constant dense<1> : tensor<i32>
    %2 = arith.subi %iterArg_0, %c1 : tensor<i32>
    stablehlo.return %1, %2 : tensor<4xf32>, tensor<i32>
  }
  return %0#0 : tensor<4xf32>
}

// CHECK-LABEL: @branches
// CHECK: scf.if %{{.*}} -> (tensor<4xf32>) {
// CHECK: } else {
// CHECK: %[[I:.*]] = arith.index_cast %{{.*}} : i32 to index
// CHECK: scf.index_switch %[[I]] -> tensor<4xf32>
// CHECK: case 0 {
// CHECK: default {
func.func @branches(%x: tensor<4xf32>, %p: tensor<i1>, %i: tensor<i32>) -> tensor<4xf32> {
  %0 = "stablehlo.if"(%p) ({
    stablehlo.return %x : tensor<4xf32>
  }, {
    %2 = arith.negf %x : tensor<4xf32>
    stablehlo.return %2 : tensor<4xf32>
  }) : (tensor<i1>) -> tensor<4xf32>
  %1 = "stablehlo.case"(%i) ({
    stablehlo.return %0 : tensor<4xf32>
  }, {
    %2 = arith.negf %0 : tensor<4xf32>
    stablehlo.return %2 : tensor<4xf32>
  }) : (tensor<i32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// The exact GELU and the square of every LayerNorm; unsigned types are gone.
// CHECK-LABEL: @functions(%arg0: tensor<4xf32>, %arg1: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xi32>)
// CHECK: arith.mulf %arg0, %arg0
// CHECK: math.erf
// CHECK: math.erfc
// CHECK-NOT: unrealized_conversion_cast
// CHECK: arith.muli
func.func @functions(%x: tensor<4xf32>, %u: tensor<4xui32>) -> (tensor<4xf32>, tensor<4xui32>) {
  %0 = chlo.square %x : tensor<4xf32> -> tensor<4xf32>
  %1 = chlo.erf %0 : tensor<4xf32> -> tensor<4xf32>
  %2 = chlo.erfc %1 : tensor<4xf32> -> tensor<4xf32>
  %i = builtin.unrealized_conversion_cast %u : tensor<4xui32> to tensor<4xi32>
  %3 = chlo.square %i : tensor<4xi32> -> tensor<4xi32>
  %4 = builtin.unrealized_conversion_cast %3 : tensor<4xi32> to tensor<4xui32>
  %5:2 = stablehlo.optimization_barrier %2, %4 : tensor<4xf32>, tensor<4xui32>
  return %5#0, %5#1 : tensor<4xf32>, tensor<4xui32>
}

// CHECK-LABEL: @sorts
// CHECK: scf.for
// CHECK-NOT: linalg.generic
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [4, 2] [1, 1] : tensor<4x8xf32> to tensor<4x2xf32>
func.func @sorts(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x2xf32>, tensor<4x2xi32>) {
  %0 = "stablehlo.sort"(%x) <{dimension = 1 : i64, is_stable = true}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %1 = tensor.empty() : tensor<i1>
    %2 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = []} ins(%a, %b : tensor<f32>, tensor<f32>) outs(%1 : tensor<i1>) {
    ^bb0(%in: f32, %in_0: f32, %out: i1):
      %3 = arith.cmpf olt, %in, %in_0 : f32
      linalg.yield %3 : i1
    } -> tensor<i1>
    stablehlo.return %2 : tensor<i1>
  }) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %values, %indices = chlo.top_k(%x, k = 2) : tensor<4x8xf32> -> (tensor<4x2xf32>, tensor<4x2xi32>)
  return %0, %values, %indices : tensor<4x8xf32>, tensor<4x2xf32>, tensor<4x2xi32>
}

// CHECK-LABEL: @scatter
// CHECK: scf.for
// CHECK: scf.for
// CHECK: arith.cmpi ult
// CHECK: tensor.insert
func.func @scatter(%x: tensor<5x7xf32>, %i: tensor<3x1xi32>, %u: tensor<3x7xf32>) -> tensor<5x7xf32> {
  %0 = "stablehlo.scatter"(%x, %i, %u) <{indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = false}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    stablehlo.return %b : tensor<f32>
  }) : (tensor<5x7xf32>, tensor<3x1xi32>, tensor<3x7xf32>) -> tensor<5x7xf32>
  return %0 : tensor<5x7xf32>
}

// 200 is no -56, which would be outside.
// CHECK-LABEL: @unsigned_places(%arg0: tensor<256x7xf32>, %arg1: tensor<3x1xi8>
// CHECK: %[[I:.*]] = arith.extui %arg1 : tensor<3x1xi8> to tensor<3x1xi64>
// CHECK-NOT: unrealized_conversion_cast
// CHECK: tensor.extract %[[I]]
func.func @unsigned_places(%x: tensor<256x7xf32>, %i: tensor<3x1xui8>, %u: tensor<3x7xf32>) -> tensor<256x7xf32> {
  %0 = "stablehlo.scatter"(%x, %i, %u) <{indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = false}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    stablehlo.return %b : tensor<f32>
  }) : (tensor<256x7xf32>, tensor<3x1xui8>, tensor<3x7xf32>) -> tensor<256x7xf32>
  return %0 : tensor<256x7xf32>
}
