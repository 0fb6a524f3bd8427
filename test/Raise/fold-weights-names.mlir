// RUN: fptq-opt --fptq-raise --split-input-file %s | FileCheck %s --implicit-check-not=fc_2

// What two functions compute alike is one layer, and one constant.
// CHECK-LABEL: @prefill
// CHECK: arith.constant {fptq.name = "fc.weight"} dense_resource<[[KEY:.*]]> : tensor<2x2xf32>
// CHECK: fptq.linear {{.*}} layer("fc")
// CHECK-LABEL: @decode
// CHECK: arith.constant {fptq.name = "fc.weight"} dense_resource<[[KEY]]> : tensor<2x2xf32>
// CHECK: fptq.linear {{.*}} layer("fc")
// CHECK: [[KEY]]: "0x40000000000010400000104000001040{{0*}}00001040"
// CHECK-NOT: "0x4000
ml_program.global private @fc.weight(dense<1.5> : tensor<2x2xf32>) : tensor<2x2xf32>
func.func @prefill(%x: tensor<4x2xf32>, %z: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = ml_program.global_load_const @fc.weight : tensor<2x2xf32>
  %s = arith.mulf %w, %w : tensor<2x2xf32>
  %r = linalg.matmul ins(%x, %s : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %r : tensor<4x2xf32>
}
func.func @decode(%x: tensor<1x2xf32>, %z: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = ml_program.global_load_const @fc.weight : tensor<2x2xf32>
  %s = arith.mulf %w, %w : tensor<2x2xf32>
  %r = linalg.matmul ins(%x, %s : tensor<1x2xf32>, tensor<2x2xf32>) outs(%z : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %r : tensor<1x2xf32>
}

// -----

// Two that differ keep apart, whatever they are called.
// CHECK-LABEL: @differ
// CHECK: fptq.linear {{.*}} layer("up")
// CHECK: fptq.linear {{.*}} layer("up_2")
// CHECK: "0x400000000000104000001040
// CHECK: "0x400000000000404000004040
ml_program.global private @up.weight(dense<1.5> : tensor<2x2xf32>) : tensor<2x2xf32>
func.func @differ(%x: tensor<4x2xf32>, %z: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %w = ml_program.global_load_const @up.weight : tensor<2x2xf32>
  %s = arith.mulf %w, %w : tensor<2x2xf32>
  %d = arith.addf %w, %w : tensor<2x2xf32>
  %0 = linalg.matmul ins(%x, %s : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  %1 = linalg.matmul ins(%x, %d : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %0, %1 : tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// A layer that uses the constant itself keeps its name, though it comes second.
// CHECK-LABEL: @beside_the_plain_layer
// CHECK: fptq.linear {{.*}} layer("fc.computed")
// CHECK: fptq.linear {{.*}} layer("fc")
func.func @beside_the_plain_layer(%x: tensor<4x2xf32>, %z: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %w = arith.constant dense_resource<fc.weight> : tensor<2x2xf32>
  %s = arith.mulf %w, %w : tensor<2x2xf32>
  %0 = linalg.matmul ins(%x, %s : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  %1 = linalg.matmul ins(%x, %w : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %0, %1 : tensor<4x2xf32>, tensor<4x2xf32>
}
{-#
  dialect_resources: { builtin: { fc.weight: "0x0400000000004040000080400000000000000040" } }
#-}

// -----

// Globals called like the functions that compute, and what is computed from each.
// CHECK-LABEL: @clash
// CHECK: fptq.linear {{.*}} layer("weight_0")
// CHECK: fptq.linear {{.*}} layer("weight")
// CHECK-DAG: weight_0: "0x40000000000010400000104000001040{{0*}}00001040"
// CHECK-DAG: weight: "0x40000000000080400000804000008040{{0*}}00008040"
ml_program.global private @weight(dense<2.0> : tensor<2x2xf32>) : tensor<2x2xf32>
ml_program.global private @weight_0(dense<1.5> : tensor<2x2xf32>) : tensor<2x2xf32>
func.func @clash(%x: tensor<4x2xf32>, %z: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %a = ml_program.global_load_const @weight_0 : tensor<2x2xf32>
  %aa = arith.mulf %a, %a : tensor<2x2xf32>
  %0 = linalg.matmul ins(%x, %aa : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  %b = ml_program.global_load_const @weight : tensor<2x2xf32>
  %bb = arith.mulf %b, %b : tensor<2x2xf32>
  %1 = linalg.matmul ins(%x, %bb : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %0, %1 : tensor<4x2xf32>, tensor<4x2xf32>
}

// -----

// A global that only a loop's body reads: it comes along, and the name is the named constant's.
// CHECK-LABEL: @read_in_a_loop
// CHECK-NOT: scf.for
// CHECK: fptq.linear {{.*}} layer("down")
// CHECK: "0x40000000000090400000904000009040{{0*}}00009040"
ml_program.global private @down.weight(dense<1.5> : tensor<2x2xf32>) : tensor<2x2xf32>
func.func @read_in_a_loop(%x: tensor<4x2xf32>, %z: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %i = arith.constant dense<2.0> : tensor<2x2xf32>
  %s = scf.for %k = %c0 to %c2 step %c1 iter_args(%acc = %i) -> (tensor<2x2xf32>) {
    %w = ml_program.global_load_const @down.weight : tensor<2x2xf32>
    %n = arith.mulf %acc, %w : tensor<2x2xf32>
    scf.yield %n : tensor<2x2xf32>
  }
  %r = linalg.matmul ins(%x, %s : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %r : tensor<4x2xf32>
}

// -----

// A product that nobody uses goes, and its constant with it.
// CHECK-LABEL: @unused
// CHECK-NEXT: return
func.func @unused(%x: tensor<4x2xf32>, %z: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = arith.constant dense_resource<unused.weight> : tensor<2x2xf32>
  %s = arith.mulf %w, %w : tensor<2x2xf32>
  %0 = linalg.matmul ins(%x, %s : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
  return %x : tensor<4x2xf32>
}
{-#
  dialect_resources: { builtin: { unused.weight: "0x0400000000004040000080400000000000000040" } }
#-}
