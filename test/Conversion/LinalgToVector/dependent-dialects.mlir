// Passes load the dialects whose operations they make: neither memref nor tensor has an operation here.
// RUN: split-file %s %t
// RUN: fptq-opt --fptq-fuse-elementwise %t/empty.mlir | FileCheck %t/empty.mlir
// RUN: fptq-opt --fptq-lower-vectors %t/element.mlir | FileCheck %t/element.mlir

//--- empty.mlir
// CHECK: tensor.empty() : tensor<0x4xf32>
func.func @nothing() -> tensor<0x4xf32> {
  %0 = arith.constant dense<> : tensor<0x4xf32>
  return %0 : tensor<0x4xf32>
}
//--- element.mlir
// CHECK: memref.load
func.func @element(%x: memref<8xf32>, %i: index) -> vector<f32> {
  %zero = arith.constant 0.0 : f32
  %0 = vector.transfer_read %x[%i], %zero : memref<8xf32>, vector<f32>
  return %0 : vector<f32>
}
