// The text that reaches ptxas: spelling and number of the MMAs, 128-bit loads of weights, no access by bytes to what is
// packed, no local memory, no product and sum contracted into one rounding.
//
// RUN: fptq-opt %s --convert-fptq-to-nvgpu=chip=sm_80 --fptq-nvptx-device-pipeline --fptq-emit-nvptx=chip=sm_80 \
// RUN:   | sed 's/\\0A/\n/g; s/\\09/ /g' > %t.sm_80
// RUN: FileCheck %s --check-prefix=SM80 < %t.sm_80
// RUN: FileCheck %s --check-prefix=META < %t.sm_80
// RUN: grep -q ld.shared.v4.b32 %t.sm_80
// RUN: not grep -E "ld\.(global|shared)[.a-z0-9]*\.b8|ld\.local|st\.local|\.local|fma\.rz|mul\.f32|add\.f32" %t.sm_80
// RUN: fptq-opt %s --convert-fptq-to-nvgpu=chip=sm_90a --fptq-nvptx-device-pipeline --fptq-emit-nvptx=chip=sm_90a \
// RUN:   | sed 's/\\0A/\n/g; s/\\09/ /g' > %t.sm_90a
// RUN: FileCheck %s --check-prefix=SM90A < %t.sm_90a
// RUN: FileCheck %s --check-prefix=OVERLAP < %t.sm_90a
// RUN: not grep griddepcontrol %t.sm_80
// RUN: fptq-opt %s --convert-fptq-to-nvgpu="chip=sm_90a slices=3" --fptq-nvptx-device-pipeline --fptq-emit-nvptx=chip=sm_90a \
// RUN:   | sed 's/\\0A/\n/g; s/\\09/ /g' > %t.split
// RUN: FileCheck %s --check-prefix=SPLIT < %t.split
// RUN: not grep -E "ld\.(global|shared)[.a-z0-9]*\.b8|ld\.local|st\.local|\.local|fma\.rz|mul\.f32|add\.f32" %t.split

// SM80: .version 8.0
// SM80: .target sm_80
// SM80: .visible .entry fptq_quantize_f32_g128(
// SM80: cvt.rni.f32.f32

// Two panels x four chunks of two steps.
// SM80: .visible .entry fptq_sym_g128_f32_skinny8(
// SM80: .reqntid 256
// SM80: ld.global.nc.v4.b32
// SM80-COUNT-16: mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32
// SM80-NOT: mma.sync
// SM80: fma.rn.f32

// Two panels x eight tiles of 8 tokens x four steps.
// SM80: .visible .entry fptq_sym_g128_f32_tile64(
// SM80: cp.async.cg.shared.global
// SM80: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// SM80-COUNT-64: mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32
// SM80-NOT: mma.sync
// SM80: cp.async.wait_group 1
// SM80: .visible .entry fptq_sym_g128_f32_tile128(

// META: gpu.binary @fptq_kernels
// META-SAME: #gpu.kernel_metadata<"fptq_quantize_f32_g128"
// META-SAME: shared_bytes = 32 : i64, {{.*}}threads = 256 : i64, tile = "1 row"

// SM90A: .version 8.4
// SM90A: .target sm_90a
// SM90A: .visible .entry fptq_sym_g128_f32_wgmma128(
// SM90A: mbarrier.init
// SM90A: setmaxnreg.inc.sync.aligned.u32 216
// SM90A: wgmma.fence.sync.aligned;
// SM90A-COUNT-4: wgmma.mma_async.sync.aligned.m64n128k32.s32.u8.s8
// SM90A: wgmma.wait_group.sync.aligned 0;
// SM90A: cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes
// SM90A: fence.proxy.async

// Where kernels overlap, quantization waits at once; the product of few tokens has its first weights on the way by then.
// OVERLAP: .visible .entry fptq_quantize_f32_g128(
// OVERLAP-NOT: ld.global
// OVERLAP: griddepcontrol.wait;
// OVERLAP-NEXT: griddepcontrol.launch_dependents;
// What that quantization wrote is no constant: its loads would not stay behind the wait.
// OVERLAP: .visible .entry fptq_sym_g128_f32_skinny8(
// OVERLAP-NOT: ld.global.b32
// OVERLAP-COUNT-9: ld.global.nc.v4.b32
// OVERLAP-NOT: ld.global.b32
// OVERLAP: griddepcontrol.wait;
// OVERLAP-NEXT: griddepcontrol.launch_dependents;
// OVERLAP-NOT: ld.global.nc.b32
// OVERLAP: .visible .entry fptq_sym_g128_f32_skinny16(

// K split over blocks: no barrier before the counter's, a release and an acquire around it, and nothing that others
// wrote is read as a constant.
// SPLIT: .visible .entry fptq_sym_g128_f32_skinny8_split(
// SPLIT: griddepcontrol.wait;
// SPLIT-NOT: bar.sync
// SPLIT: st.global.b32
// SPLIT: bar.sync 0;
// SPLIT: fence.acq_rel.gpu;
// SPLIT-NEXT: atom.global.inc.u32
// SPLIT-NEXT: fence.acq_rel.gpu;
// SPLIT: bar.sync 0;
// SPLIT: ld.global.b32
// SPLIT: fma.rn.f32
// SPLIT: .visible .entry fptq_sym_g128_f32_skinny16_split(

#scheme = #fptq.scheme<group, group_size = 128, symmetric = true, method = rtn>
func.func @linear(%x: memref<?x256xf32>, %w: memref<8704xi8>, %q: memref<?x256xi8>, %xs: memref<?xf32>,
                  %sums: memref<?x2xi32>, %y: memref<?x64xf32>) {
  fptq.quantize_activations group_size(128) padded_group_size(128) ins(%x : memref<?x256xf32>)
    outs(%q, %xs, %sums : memref<?x256xi8>, memref<?xf32>, memref<?x2xi32>)
  fptq.packed_matmul #scheme <"nvptx"> k(256) layer("l")
    ins(%q, %xs, %sums : memref<?x256xi8>, memref<?xf32>, memref<?x2xi32>) weights(%w : memref<8704xi8>)
    outs(%y : memref<?x64xf32>)
  return
}
