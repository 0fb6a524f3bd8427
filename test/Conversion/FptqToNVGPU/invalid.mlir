// RUN: fptq-opt %s --convert-fptq-to-nvgpu --verify-diagnostics --split-input-file
// RUN: echo 'module {}' | not fptq-opt --convert-fptq-to-nvgpu=chip=sm_75 2>&1 | FileCheck %s --check-prefix=OLD
// RUN: echo 'module {}' | not fptq-opt --convert-fptq-to-nvgpu=chip=gfx90a 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: echo 'module {}' | not fptq-opt --fptq-emit-nvptx=chip=sm_70 2>&1 | FileCheck %s --check-prefix=EMIT
// RUN: echo 'module {}' | not fptq-opt --fptq-emit-nvptx=emit=elf 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: echo 'module {}' | not fptq-opt --convert-fptq-to-nvgpu=slices=9 2>&1 | FileCheck %s --check-prefix=SLICES
// SLICES: error: has 'slices' 9, expected 0 (chosen by shape) to 8
// OLD: error: chip 'sm_75' is below sm_80
// UNKNOWN: error: unknown chip 'gfx90a', expected one of sm_80,
// EMIT: error: chip 'sm_70' is below sm_80
// FORMAT: error: unknown format 'elf', expected ptx, cubin or fatbin

func.func @other_layout(%q: memref<1x32xi8>, %s: memref<1xf32>, %t: memref<1x1xi32>, %w: memref<640xi8>, %y: memref<1x16xf32>) {
  // expected-error@+1 {{has layout 'x86', NVPTX kernels need 'nvptx' (layer 'a')}}
  fptq.packed_matmul <group, group_size = 32, symmetric = true, method = rtn> <"x86"> k(32) layer("a")
    ins(%q, %s, %t : memref<1x32xi8>, memref<1xf32>, memref<1x1xi32>) weights(%w : memref<640xi8>) outs(%y : memref<1x16xf32>)
  return
}

// -----

func.func @padded_for_x86(%x: memref<1x8xf32>, %q: memref<1x8xi8>, %s: memref<1xf32>, %t: memref<1x1xi32>) {
  // expected-error@+1 {{has groups padded to 8, NVPTX kernels need a multiple of 32 (layout 'nvptx')}}
  fptq.quantize_activations group_size(8) padded_group_size(8) ins(%x : memref<1x8xf32>)
    outs(%q, %s, %t : memref<1x8xi8>, memref<1xf32>, memref<1x1xi32>)
  return
}

// -----

func.func @rows_with_gaps(%x: memref<1x8xf32, strided<[16, 2]>>, %q: memref<1x32xi8>, %s: memref<1xf32>, %t: memref<1x1xi32>) {
  // expected-error@+1 {{whose last dimension is not contiguous}}
  fptq.quantize_activations group_size(8) padded_group_size(32) ins(%x : memref<1x8xf32, strided<[16, 2]>>)
    outs(%q, %s, %t : memref<1x32xi8>, memref<1xf32>, memref<1x1xi32>)
  return
}

// -----

llvm.func @wgmma_without_steps(%p: !llvm.ptr<3>, %c: i32) {
  // expected-error@+1 {{(WG1) has 2 words of A, expected 4 for each of 1 to 4 steps}}
  %r:4 = fptq_gpu.wgmma a(%c, %c) b(%p) acc(%c, %c, %c, %c) : !llvm.ptr<3> -> i32, i32, i32, i32
  llvm.return
}

// -----

llvm.func @wgmma_of_half_a_tile(%p: !llvm.ptr<3>, %c: i32) {
  // expected-error@+1 {{(WG2) has 2 accumulators, expected 4 for each 8 of 8 to 256 tokens}}
  %r:2 = fptq_gpu.wgmma a(%c, %c, %c, %c) b(%p) acc(%c, %c) : !llvm.ptr<3> -> i32, i32
  llvm.return
}

// -----

llvm.func @wgmma_with_a_result_lost(%p: !llvm.ptr<3>, %c: i32) {
  // expected-error@+1 {{(WG2) has 3 results for 4 accumulators}}
  %r:3 = fptq_gpu.wgmma a(%c, %c, %c, %c) b(%p) acc(%c, %c, %c, %c) : !llvm.ptr<3> -> i32, i32, i32
  llvm.return
}

// -----

llvm.func @wgmma_used_while_under_way(%p: !llvm.ptr<3>, %c: i32) -> i32 {
  // expected-error@+1 {{(WG3) has a result that 'llvm.add' uses while the product is under way}}
  %r:4 = fptq_gpu.wgmma a(%c, %c, %c, %c) b(%p) acc(%c, %c, %c, %c) : !llvm.ptr<3> -> i32, i32, i32, i32
  // expected-note@+1 {{expected fptq_gpu.wgmma_wait before this}}
  %s = llvm.add %r#0, %c : i32
  llvm.return %s : i32
}

// -----

llvm.func @wgmma_as_weights_of_another(%p: !llvm.ptr<3>, %c: i32) {
  // expected-error@+1 {{(WG3) has a result that 'fptq_gpu.wgmma' uses while the product is under way}}
  %r:4 = fptq_gpu.wgmma a(%c, %c, %c, %c) b(%p) acc(%c, %c, %c, %c) : !llvm.ptr<3> -> i32, i32, i32, i32
  // expected-note@+1 {{expected fptq_gpu.wgmma_wait before this}}
  %s:4 = fptq_gpu.wgmma a(%c, %c, %c, %r#0) b(%p) acc(%c, %c, %c, %c) : !llvm.ptr<3> -> i32, i32, i32, i32
  llvm.return
}

// -----

llvm.func @wait_with_a_result_lost(%p: !llvm.ptr<3>, %c: i32) {
  %r:4 = fptq_gpu.wgmma a(%c, %c, %c, %c) b(%p) acc(%c, %c, %c, %c) : !llvm.ptr<3> -> i32, i32, i32, i32
  // expected-error@+1 {{(WG4) has 3 results for 4 accumulators}}
  %s:3 = fptq_gpu.wgmma_wait 0 acc(%r#0, %r#1, %r#2, %r#3) -> i32, i32, i32
  llvm.return
}
