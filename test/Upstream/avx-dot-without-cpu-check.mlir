// x86vector.avx.dot.i8 lowers to vpdpbssd whatever the processor; without AVX-VNNI-INT8 the compiler aborts.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// REQUIRES: x86-codegen
// RUN: mlir-opt %s --convert-vector-to-llvm=enable-x86vector | mlir-translate --mlir-to-llvmir -o %t.ll
// RUN: not --crash llc -mtriple=x86_64 -mcpu=sapphirerapids %t.ll -o /dev/null 2>&1 | FileCheck %s

// CHECK: Cannot select: {{.*}}VPDPBSSD
llvm.func @dot(%c: vector<8xi32>, %a: vector<32xi8>, %b: vector<32xi8>) -> vector<8xi32> {
  %0 = x86vector.avx.dot.i8 %c, %a, %b : vector<32xi8> -> vector<8xi32>
  llvm.return %0 : vector<8xi32>
}
