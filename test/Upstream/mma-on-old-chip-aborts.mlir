// An intrinsic the chip lacks aborts the compiler: the chip must be checked before lowering.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// REQUIRES: nvptx-codegen
// RUN: mlir-translate --mlir-to-llvmir %s -o %t.ll
// RUN: not --crash llc -mtriple=nvptx64 -mcpu=sm_75 %t.ll -o /dev/null 2>&1 | FileCheck %s

// CHECK: Cannot select: intrinsic %llvm.nvvm.mma.m16n8k32
!r = !llvm.struct<(i32, i32, i32, i32)>
llvm.func @f(%a: i32) -> !r {
  %d = nvvm.mma.sync A[%a, %a, %a, %a] B[%a, %a] C[%a, %a, %a, %a] {intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>,
    layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, multiplicandAPtxType = #nvvm.mma_type<u8>,
    multiplicandBPtxType = #nvvm.mma_type<s8>, shape = #nvvm.shape<m = 16, n = 8, k = 32>} : (i32, i32, i32) -> !r
  llvm.return %d : !r
}
