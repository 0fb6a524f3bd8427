// A global of i4 takes a byte an element; a vector load of i4 reads packed nibbles: silent garbage.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// REQUIRES: x86-codegen
// RUN: mlir-translate --mlir-to-llvmir %s | llc -mtriple=x86_64 | FileCheck %s

// CHECK-LABEL: w:
// CHECK-COUNT-8: .byte
// CHECK: .size w, 8
llvm.mlir.global internal constant @w(dense<[1, 2, 3, 4, 5, 6, 7, -8]> : tensor<8xi4>) : !llvm.array<8 x i4>
llvm.func @load() -> vector<8xi4> {
  %p = llvm.mlir.addressof @w : !llvm.ptr
  %v = llvm.load %p : !llvm.ptr -> vector<8xi4>
  llvm.return %v : vector<8xi4>
}
