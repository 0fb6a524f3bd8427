// RUN: fptq-opt %s --convert-fptq-to-nvgpu | FileCheck %s
// RUN: fptq-opt %s --convert-fptq-to-nvgpu --fptq-nvptx-device-pipeline | FileCheck %s --check-prefix=DEVICE
// RUN: fptq-opt %s --convert-fptq-to-nvgpu="chip=sm_90a slices=3" | FileCheck %s --check-prefix=SPLIT

#scheme = #fptq.scheme<group, group_size = 128, symmetric = true, method = rtn>

// CHECK: llvm.mlir.global private constant @fptq.text.fptq_sym_g128_f32_tile128("fptq_sym_g128_f32_tile128\00")
// CHECK-LABEL: func.func @linear
// CHECK: llvm.call @fptq_gpu_launch
// The number of tokens is known when the call comes.
// CHECK: arith.cmpi sle, %{{.*}}, %c8_i64
// CHECK: llvm.call @fptq_gpu_launch
// CHECK: llvm.call @fptq_gpu_launch
// CHECK-LABEL: gpu.module @fptq_kernels
// CHECK: llvm.func @fptq_quantize_f32_g128
// CHECK-SAME: fptq.launch = {shared_bytes = 32 : i64, threads = 256 : i64, tile = "1 row"}
// CHECK-SAME: nvvm.kernel, nvvm.reqntid = array<i32: 256, 1, 1>
// CHECK: llvm.func @fptq_sym_g128_f32_skinny8
// CHECK: nvvm.mma.sync
// CHECK: llvm.func @fptq_sym_g128_f32_skinny16
// CHECK: llvm.func @fptq_sym_g128_f32_tile32
// CHECK: nvvm.cp.async.wait.group 2
// CHECK: nvvm.ldmatrix
// CHECK: llvm.func @fptq_sym_g128_f32_tile64
// CHECK: llvm.func @fptq_sym_g128_f32_tile128
// CHECK: nvvm.cp.async.wait.group 1
// DEVICE-LABEL: gpu.module @fptq_kernels
// DEVICE-NOT: {{(arith|scf|cf|math)\.}}
func.func @linear(%x: memref<?x256xf32>, %w: memref<8704xi8>, %bias: memref<64xf32>, %y: memref<?x64xf32>) {
  %c0 = arith.constant 0 : index
  %m = memref.dim %x, %c0 : memref<?x256xf32>
  %q = memref.alloc(%m) : memref<?x256xi8>
  %xs = memref.alloc(%m) : memref<?xf32>
  %sums = memref.alloc(%m) : memref<?x2xi32>
  fptq.quantize_activations group_size(128) padded_group_size(128) ins(%x : memref<?x256xf32>)
    outs(%q, %xs, %sums : memref<?x256xi8>, memref<?xf32>, memref<?x2xi32>)
  fptq.packed_matmul #scheme <"nvptx"> k(256) layer("l")
    ins(%q, %xs, %sums : memref<?x256xi8>, memref<?xf32>, memref<?x2xi32>) weights(%w : memref<8704xi8>)
    bias(%bias : memref<64xf32>) outs(%y : memref<?x64xf32>)
  return
}

// Blocks that share K have a third dimension of the grid, a workspace (argument kind 9) and counters (10).
// SPLIT-LABEL: func.func @linear
// SPLIT: %[[NAME:.*]] = llvm.mlir.addressof @fptq.text.fptq_sym_g128_f32_skinny8_split
// SPLIT: llvm.call @fptq_gpu_launch
// SPLIT-LABEL: gpu.module @fptq_kernels attributes {fptq.dependent_launch}
// SPLIT: llvm.func @fptq_quantize_f32_g128
// SPLIT-SAME: fptq.launch = {dependent_launch, shared_bytes = 32 : i64
// SPLIT-NEXT: nvvm.griddepcontrol wait
// SPLIT: llvm.func @fptq_sym_g128_f32_skinny8_split
// SPLIT: llvm.fence syncscope("device") acq_rel
// SPLIT-NEXT: llvm.atomicrmw uinc_wrap %{{.*}}, %{{.*}} syncscope("device") monotonic
// SPLIT-NEXT: llvm.fence syncscope("device") acq_rel
