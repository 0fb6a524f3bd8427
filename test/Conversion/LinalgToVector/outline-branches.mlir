// RUN: fptq-opt --fptq-outline-branches %s | FileCheck %s --check-prefix=OUTLINE
// RUN: fptq-opt --fptq-outline-branches --fptq-merge-functions %s | FileCheck %s --check-prefix=MERGE

// What a branch does is a function of what it reads; its observer stays. Scalars and empty tensors go along.
// OUTLINE: func.func private @experts_layer(%arg0: index, %arg1: tensor<?x4xf32>, %arg2: tensor<4x4xf32>) -> tensor<?x4xf32>
// OUTLINE-NEXT: arith.constant 0.000000e+00 : f32
// OUTLINE-NEXT: tensor.empty(%arg0)
// OUTLINE: linalg.matmul
// OUTLINE: func.func private @experts_layer_0(
// OUTLINE: func.func private @experts_layer_1(
// OUTLINE-LABEL: func.func @experts(
// OUTLINE: case 0 {
// OUTLINE-NEXT: fptq.observe %{{.*}} layer("e.0")
// OUTLINE-NEXT: %[[Y:.*]] = func.call @experts_layer_0(
// OUTLINE-NEXT: scf.yield %[[Y]]
// OUTLINE: case 1 {
// OUTLINE: fptq.observe %{{.*}} layer("e.1")
// OUTLINE: func.call @experts_layer_1(
// OUTLINE: default {
// OUTLINE: func.call @experts_layer(

// MERGE-COUNT-1: linalg.matmul
// MERGE-NOT: linalg.matmul
// MERGE-COUNT-3: func.call @experts_layer(
func.func @experts(%x: tensor<?x4xf32>, %e: index, %m: index) -> tensor<?x4xf32> {
  %a = arith.constant dense_resource<a> : tensor<4x4xf32>
  %b = arith.constant dense_resource<b> : tensor<4x4xf32>
  %c = arith.constant dense_resource<c> : tensor<4x4xf32>
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty(%m) : tensor<?x4xf32>
  %y = scf.index_switch %e -> tensor<?x4xf32>
  case 0 {
    fptq.observe %x layer("e.0") : tensor<?x4xf32>
    %z = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x4xf32>) -> tensor<?x4xf32>
    %r = linalg.matmul ins(%x, %a : tensor<?x4xf32>, tensor<4x4xf32>) outs(%z : tensor<?x4xf32>) -> tensor<?x4xf32>
    scf.yield %r : tensor<?x4xf32>
  }
  case 1 {
    fptq.observe %x layer("e.1") : tensor<?x4xf32>
    %z = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x4xf32>) -> tensor<?x4xf32>
    %r = linalg.matmul ins(%x, %b : tensor<?x4xf32>, tensor<4x4xf32>) outs(%z : tensor<?x4xf32>) -> tensor<?x4xf32>
    scf.yield %r : tensor<?x4xf32>
  }
  default {
    %z = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x4xf32>) -> tensor<?x4xf32>
    %r = linalg.matmul ins(%x, %c : tensor<?x4xf32>, tensor<4x4xf32>) outs(%z : tensor<?x4xf32>) -> tensor<?x4xf32>
    scf.yield %r : tensor<?x4xf32>
  }
  return %y : tensor<?x4xf32>
}

// Rows of an expert are cut in its function: as an argument, which lies together, they would be copied for each call.
// OUTLINE: func.func private @rows_layer(%arg0: tensor<8x4xf32>, %arg1: index, %arg2: index, %arg3: tensor<4x4xf32>
// OUTLINE: tensor.extract_slice %arg0[%arg1, 0] [%arg2, 4]
// OUTLINE-LABEL: func.func @rows(
// OUTLINE: case 0 {
// OUTLINE-NEXT: func.call @rows_layer_2(%arg0, %arg1, %arg2,
// OUTLINE: default {
// OUTLINE-NEXT: func.call @rows_layer(%arg0, %arg1, %arg2,
func.func @rows(%x: tensor<8x4xf32>, %from: index, %m: index, %e: index, %out: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %a = arith.constant dense_resource<a> : tensor<4x4xf32>
  %b = arith.constant dense_resource<b> : tensor<4x4xf32>
  %rows = tensor.extract_slice %x[%from, 0] [%m, 4] [1, 1] : tensor<8x4xf32> to tensor<?x4xf32>
  %y = scf.index_switch %e -> tensor<?x4xf32>
  case 0 {
    %r = linalg.matmul ins(%rows, %a : tensor<?x4xf32>, tensor<4x4xf32>) outs(%out : tensor<?x4xf32>) -> tensor<?x4xf32>
    scf.yield %r : tensor<?x4xf32>
  }
  default {
    %r = linalg.matmul ins(%rows, %b : tensor<?x4xf32>, tensor<4x4xf32>) outs(%out : tensor<?x4xf32>) -> tensor<?x4xf32>
    scf.yield %r : tensor<?x4xf32>
  }
  return %y : tensor<?x4xf32>
}
