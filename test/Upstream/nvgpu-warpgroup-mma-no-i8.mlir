// nvgpu.warpgroup.mma refuses i8.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: not mlir-opt %s 2>&1 | FileCheck %s

// CHECK: error: {{.*}} 'i32' += 'i8' * 'i8', it is not supported
!a = !nvgpu.warpgroup.descriptor<tensor = memref<64x32xi8, 3>>
!b = !nvgpu.warpgroup.descriptor<tensor = memref<32x64xi8, 3>>
!c = !nvgpu.warpgroup.accumulator<fragmented = vector<64x64xi32>>
func.func @multiply(%a: !a, %b: !b, %c: !c) -> !c {
  %d = nvgpu.warpgroup.mma %a, %b, %c : !a, !b, !c -> !c
  return %d : !c
}
