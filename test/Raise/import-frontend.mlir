// RUN: fptq-opt %s --fptq-import-frontend | FileCheck %s
// The dialect's own syntax, and its bytecode, are read back.
// RUN: fptq-opt %s | fptq-opt --emit-bytecode | fptq-opt --fptq-import-frontend | FileCheck %s
// What comes after needs no tm_tensor: raise begins with the same.
// RUN: fptq-opt %s --fptq-raise | FileCheck %s

// CHECK-NOT: tm_tensor

// CHECK-LABEL: @cumsum
// The second result is carried along: the scan so far.
// CHECK: scf.for %[[R:.*]] = %{{.*}} to %c2
// CHECK: scf.for %[[I:.*]] = %{{.*}} to %c3{{.*}} iter_args(%[[OUT:.*]] = %{{.*}}, %[[LAST:.*]] =
// CHECK: %[[BEFORE:.*]] = tensor.extract %[[LAST]][%[[R]]]
// CHECK: %[[X:.*]] = tensor.extract %arg0[%[[R]], %[[I]]]
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[I]]
// CHECK: %[[SUM:.*]] = arith.addi %[[BEFORE]], %[[X]]
// CHECK: %[[NEXT:.*]] = arith.select %[[FIRST]], %[[X]], %[[SUM]]
// CHECK: tensor.insert %[[NEXT]] into %[[OUT]][%[[R]], %[[I]]]
// CHECK: tensor.insert %[[NEXT]] into %[[LAST]][%[[R]]]
func.func @cumsum(%x: tensor<2x3xi64>) -> tensor<2x3xi64> {
  %zero = arith.constant 0 : i64
  %e = tensor.empty() : tensor<2x3xi64>
  %out = linalg.fill ins(%zero : i64) outs(%e : tensor<2x3xi64>) -> tensor<2x3xi64>
  %a = tensor.empty() : tensor<2xi64>
  %acc = linalg.fill ins(%zero : i64) outs(%a : tensor<2xi64>) -> tensor<2xi64>
  %r:2 = tm_tensor.scan dimension(1) inclusive(true) ins(%x : tensor<2x3xi64>) outs(%out, %acc : tensor<2x3xi64>, tensor<2xi64>) {
  ^bb0(%l: i64, %v: i64):
    %s = arith.addi %l, %v : i64
    tm_tensor.yield %s : i64
  } -> tensor<2x3xi64>, tensor<2xi64>
  return %r#0 : tensor<2x3xi64>
}

// A router's topk: positions are sorted, in runs of doubled length, and elements of both move once.
// CHECK-LABEL: @sort
// CHECK: tensor.empty() : tensor<2x4xindex>
// CHECK: arith.shli
// CHECK: arith.cmpf oge
// CHECK: tensor.insert %{{.*}} : tensor<2x4xindex>
// CHECK-DAG: tensor.insert %{{.*}} : tensor<12x4xf32>
// CHECK-DAG: tensor.insert %{{.*}} : tensor<12x4xi64>
func.func @sort(%x: tensor<12x4xf32>, %i: tensor<12x4xi64>) -> (tensor<12x4xf32>, tensor<12x4xi64>) {
  %r:2 = tm_tensor.sort dimension(1) outs(%x, %i : tensor<12x4xf32>, tensor<12x4xi64>) {
  ^bb0(%a: f32, %b: f32, %c: i64, %d: i64):
    %keeps = arith.cmpf oge, %a, %b : f32
    tm_tensor.yield %keeps : i1
  } -> tensor<12x4xf32>, tensor<12x4xi64>
  return %r#0, %r#1 : tensor<12x4xf32>, tensor<12x4xi64>
}

// CHECK-LABEL: @topk
// CHECK: scf.for
// CHECK: scf.for {{.*}} -> (tensor<2xf32>, tensor<2xi32>, f32, i32)
func.func @topk(%x: tensor<?xf32>, %v: tensor<2xf32>, %i: tensor<2xi32>) -> (tensor<2xf32>, tensor<2xi32>) {
  %r:2 = tm_tensor.topk dimension(0) ins(%x : tensor<?xf32>) outs(%v, %i : tensor<2xf32>, tensor<2xi32>) {
  ^bb0(%a: f32, %b: f32):
    %before = arith.cmpf ogt, %a, %b : f32
    tm_tensor.yield %before : i1
  } -> tensor<2xf32>, tensor<2xi32>
  return %r#0, %r#1 : tensor<2xf32>, tensor<2xi32>
}

// Rows of a cache: the index is checked, the window's own dimension is not indexed.
// CHECK-LABEL: @scatter
// CHECK: scf.for %[[N:.*]] = %{{.*}} to %c2
// CHECK: scf.for %[[J:.*]] = %{{.*}} to %c4
// CHECK: %[[ROW:.*]] = arith.index_cast %{{.*}} : i64 to index
// CHECK: arith.cmpi ult, %[[ROW]]
// CHECK: cf.assert %{{.*}}, "scatter index is outside the tensor"
// CHECK: tensor.insert
func.func @scatter(%x: tensor<8x4xf32>, %rows: tensor<2x4xf32>, %i: tensor<2x1xi64>) -> tensor<8x4xf32> {
  %r = tm_tensor.scatter {dimension_map = array<i64: 0>} unique_indices(true) ins(%rows, %i : tensor<2x4xf32>, tensor<2x1xi64>) outs(%x : tensor<8x4xf32>) {
  ^bb0(%new: f32, %old: f32):
    tm_tensor.yield %new : f32
  } -> tensor<8x4xf32>
  return %r : tensor<8x4xf32>
}
