// RUN: fptq-opt %s --fptq-allow-contraction | FileCheck %s

// CHECK-LABEL: @every_float_op_contracts
// CHECK: arith.mulf {{.*}} fastmath<contract>
// CHECK: arith.addf {{.*}} fastmath<nnan,contract>
// CHECK: arith.extf %{{[^ ]*}} : f32 to f64
func.func @every_float_op_contracts(%x: f32) -> f64 {
  %p = arith.mulf %x, %x : f32
  %s = arith.addf %p, %x fastmath<nnan> : f32
  %y = arith.extf %s : f32 to f64
  return %y : f64
}

// The smallest dimension that a size slices bounds it.
// CHECK-LABEL: @sliced
// CHECK: arith.addi %{{.*}}, %{{.*}} {fptq.upper_bound = 4 : index}
func.func @sliced(%a: index, %b: index, %long: tensor<8xf32>, %short: tensor<4xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %n = arith.addi %a, %b : index
  %x = tensor.extract_slice %long[0] [%n] [1] : tensor<8xf32> to tensor<?xf32>
  %y = tensor.extract_slice %short[0] [%n] [1] : tensor<4xf32> to tensor<?xf32>
  return %x, %y : tensor<?xf32>, tensor<?xf32>
}

// A table for short sequences: the other branch is there for the longer ones.
// CHECK-LABEL: @sliced_in_a_branch
// CHECK-NOT: fptq.upper_bound
func.func @sliced_in_a_branch(%a: index, %b: index, %short: tensor<4xf32>) -> tensor<?xf32> {
  %n = arith.addi %a, %b : index
  %c4 = arith.constant 4 : index
  %fits = arith.cmpi ule, %n, %c4 : index
  %r = scf.if %fits -> tensor<?xf32> {
    %x = tensor.extract_slice %short[0] [%n] [1] : tensor<4xf32> to tensor<?xf32>
    scf.yield %x : tensor<?xf32>
  } else {
    %e = tensor.empty(%n) : tensor<?xf32>
    scf.yield %e : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}

// The bound of one of two sizes.
// CHECK-LABEL: @two_sizes
// CHECK-NOT: fptq.upper_bound
// CHECK-LABEL: @sizes
func.func @two_sizes(%table: tensor<4xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %n:2 = func.call @sizes() : () -> (index, index)
  %x = tensor.extract_slice %table[0] [%n#0] [1] : tensor<4xf32> to tensor<?xf32>
  %e = tensor.empty(%n#1) : tensor<?xf32>
  return %x, %e : tensor<?xf32>, tensor<?xf32>
}
func.func private @sizes() -> (index, index)

// An fma of halves would be a call of a function that is nowhere.
// CHECK-LABEL: @halves
// CHECK-NOT: fastmath
// CHECK: return
func.func @halves(%a: tensor<4xf16>) -> tensor<4xf16> {
  %p = arith.mulf %a, %a : tensor<4xf16>
  %s = arith.addf %p, %a : tensor<4xf16>
  return %s : tensor<4xf16>
}
