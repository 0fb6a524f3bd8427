// A byte for each boolean, as newer MLIR writes it; what is packed, of other types or no booleans is left to the parser.
// RUN: split-file %s %t
// RUN: fptq-opt %t/wide.mlir | FileCheck %s
// RUN: not fptq-opt %t/invalid.mlir 2>&1 | FileCheck %s --check-prefix=INVALID
// RUN: not fptq-opt %t/column.mlir 2>&1 | FileCheck %s --check-prefix=COLUMN

//--- wide.mlir
// CHECK-LABEL: @wide
func.func @wide() -> (tensor<2x5xi1>, tensor<2x5xi1>, tensor<2xi8>) {
  // CHECK: dense<{{\[\[}}true, false, false, true, false], [false, false, false, true, true]]> : tensor<2x5xi1>
  %0 = arith.constant dense<"0x01000001000000000101"> : tensor<2x5xi1>
  // CHECK: dense<{{\[\[}}true, false, false, true, false], [false, false, false, true, true]]> : tensor<2x5xi1>
  %1 = arith.constant dense<"0x0903"> : tensor<2x5xi1>
  // CHECK: dense<[1, 0]> : tensor<2xi8>
  %2 = arith.constant dense<"0x0100"> : tensor<2xi8>
  return %0, %1, %2 : tensor<2x5xi1>, tensor<2x5xi1>, tensor<2xi8>
}

//--- invalid.mlir
// INVALID: error: elements hex data size is invalid for provided type: 'tensor<2x5xi1>'
%0 = arith.constant dense<"0x01000001000000000102"> : tensor<2x5xi1>

//--- column.mlir
// COLUMN: column.mlir:3:79: error: use of undeclared SSA value name
func.func @column() -> tensor<2x5xi1> {
  %0 = arith.constant dense<"0x01000001000000000101"> : tensor<2x5xi1> return %1 : tensor<2x5xi1>
}
