// Fast-math flags of arith.extf and truncf stay arith's attribute on llvm.fpext, which mlir-translate cannot read.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: mlir-opt %s --convert-arith-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: not mlir-translate --mlir-to-llvmir %t.mlir 2>&1 | FileCheck %s --check-prefix=REFUSED

// CHECK: llvm.fpext %{{.*}} {fastmath = #arith.fastmath<contract>}
// REFUSED: error: #"arith"<"fastmath<contract>">
func.func @widen(%x: f16) -> f32 {
  %y = arith.extf %x fastmath<contract> : f16 to f32
  return %y : f32
}
