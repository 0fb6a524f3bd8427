// Without alignments said, vector.load of bytes becomes byte loads, and workgroup memory is aligned to 1.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// REQUIRES: nvptx-codegen
// RUN: mlir-opt %s --convert-vector-to-llvm --convert-gpu-to-nvvm --reconcile-unrealized-casts --gpu-module-to-binary=format=isa | FileCheck %s

// CHECK: .shared .align 1 .b8 __wg_copy_0[1024]
// CHECK-COUNT-16: ld.global.b8
gpu.module @kernels [#nvvm.target<chip = "sm_80">] {
  gpu.func @copy(%p: memref<64xi8>, %q: memref<64xi8>) workgroup(%s: memref<1024xi8, 3>) kernel {
    %c0 = arith.constant 0 : index
    %v = vector.load %p[%c0] : memref<64xi8>, vector<16xi8>
    vector.store %v, %s[%c0] : memref<1024xi8, 3>, vector<16xi8>
    gpu.barrier
    %t = gpu.thread_id x
    %w = vector.load %s[%t] : memref<1024xi8, 3>, vector<16xi8>
    vector.store %w, %q[%c0] : memref<64xi8>, vector<16xi8>
    gpu.return
  }
}
