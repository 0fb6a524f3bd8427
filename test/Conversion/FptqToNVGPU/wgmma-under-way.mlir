// In the two-level scheme the second half of a stage is unpacked while the product of the first is under way.
//
// RUN: fptq-opt %s --convert-fptq-to-nvgpu=chip=sm_90a --fptq-nvptx-device-pipeline --fptq-emit-nvptx=chip=sm_90a \
// RUN:   | sed 's/\\0A/\n/g; s/\\09/ /g' | FileCheck %s

// CHECK: .visible .entry fptq_two_level_g128_f32_wgmma128(
// CHECK-COUNT-2: wgmma.mma_async.sync.aligned.m64n128k32.s32.u8.s8
// CHECK: wgmma.commit_group.sync.aligned;
// CHECK-NOT: wgmma.wait_group
// CHECK-COUNT-2: wgmma.mma_async.sync.aligned.m64n128k32.s32.u8.s8
// CHECK: wgmma.wait_group.sync.aligned 0;

func.func @linear(%q: memref<128x256xi8>, %xs: memref<128xf32>, %sums: memref<128x2xi32>, %w: memref<2176xi8>,
                  %y: memref<128x16xf32>) {
  fptq.packed_matmul <two_level, group_size = 128, symmetric = false, method = rtn> <"nvptx"> k(256) layer("l")
    ins(%q, %xs, %sums : memref<128x256xi8>, memref<128xf32>, memref<128x2xi32>) weights(%w : memref<2176xi8>)
    outs(%y : memref<128x16xf32>)
  return
}
