// On func.func, llvm.target_features is carried along and dropped at translation; target_features arrives.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: mlir-opt %s --convert-func-to-llvm | mlir-translate --mlir-to-llvmir | FileCheck %s

// CHECK: define void @prefixed() {
// CHECK: define void @plain() #0
// CHECK: attributes #0 = { "target-features"="+avx2" }
func.func @prefixed() attributes {llvm.target_features = #llvm.target_features<["+avx2"]>} { return }
func.func @plain() attributes {target_features = #llvm.target_features<["+avx2"]>} { return }
