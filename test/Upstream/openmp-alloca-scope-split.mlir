// convert-scf-to-openmp wraps a loop's body in an alloca scope of one block, which convert-scf-to-cf then splits.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: not mlir-opt %s --convert-scf-to-openmp --convert-scf-to-cf 2>&1 | FileCheck %s

// CHECK: error: 'memref.alloca_scope' op expects region #0 to have 0 or 1 blocks
func.func @parallel(%m: memref<64xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  scf.parallel (%i) = (%c0) to (%c64) step (%c1) {
    %a = memref.alloca() : memref<4xf32>
    scf.for %j = %c0 to %n step %c1 {
      %v = memref.load %a[%c0] : memref<4xf32>
      memref.store %v, %m[%i] : memref<64xf32>
    }
    scf.reduce
  }
  return
}
