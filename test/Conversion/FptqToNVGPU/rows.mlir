// RUN: fptq-opt %s --convert-fptq-to-nvgpu | FileCheck %s
// RUN: fptq-opt %s --convert-fptq-to-nvgpu --fptq-nvptx-device-pipeline --fptq-emit-nvptx \
// RUN:   | sed 's/\\0A/\n/g; s/\\09/ /g' > %t.ptx
// RUN: FileCheck %s --check-prefix=PTX < %t.ptx
// RUN: not grep -E "approx|ftz|ld\.local|st\.local|fma\.rz|mul\.f32|add\.f32" %t.ptx

#id = affine_map<(m, k) -> (m, k)>
#col = affine_map<(m, k) -> (k)>
#scalar = affine_map<(m, k) -> ()>

// The name tells bodies apart: shape, groups, and a number of what is computed.
// CHECK-DAG: constant @fptq.text.[[NORM:fptq_norm_rows_k600_g128_static_[0-9a-f]{16}]]("
// CHECK-DAG: constant @fptq.text.[[GATED:fptq_map_rows_k96_g48_[0-9a-f]{16}]]("
// CHECK-LABEL: func.func @norm
// A thread for eight channels; a maximum a warp, the sum, the sums of groups and the row in shared memory.
// CHECK: llvm.call @fptq_gpu_launch
// CHECK-NOT: llvm.call @fptq_gpu_launch
func.func @norm(%x: memref<?x600xf32, strided<[1024, 1], offset: ?>>, %gamma: memref<600xf16>, %eps: f32, %scale: f32,
                %q: memref<?x640xi8>, %s: memref<?xf32>, %t: memref<?x5xi32>) {
  fptq.quantize_rows channels(600) group_size(128) padded_group_size(128) maps [#id, #col, #scalar]
    ins(%x, %gamma, %eps : memref<?x600xf32, strided<[1024, 1], offset: ?>>, memref<600xf16>, f32) static_scale(%scale)
    outs(%q, %s, %t : memref<?x640xi8>, memref<?xf32>, memref<?x5xi32>) {
  ^bb0(%e: f32, %g: f16, %a: f32):
    %count = arith.constant 600.0 : f32
    %sum = fptq.row_sum %e * %e : f32
    %mean = arith.divf %sum, %count : f32
    %shifted = arith.addf %mean, %a : f32
    %r = math.rsqrt %shifted : f32
    %n = arith.mulf %e, %r : f32
    %w = arith.extf %g : f16 to f32
    %y = arith.mulf %w, %n : f32
    fptq.yield %y : f32
  }
  return
}

// CHECK-LABEL: func.func @gated
func.func @gated(%gate: memref<?x96xf32>, %up: memref<?x96xf32>, %q: memref<?x128xi8>, %s: memref<?xf32>, %t: memref<?x2xi32>) {
  fptq.quantize_rows channels(96) group_size(48) padded_group_size(64) maps [#id, #id]
    ins(%gate, %up : memref<?x96xf32>, memref<?x96xf32>) outs(%q, %s, %t : memref<?x128xi8>, memref<?xf32>, memref<?x2xi32>) {
  ^bb0(%g: f32, %u: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %g : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %sigmoid = arith.divf %one, %d : f32
    %silu = arith.mulf %g, %sigmoid : f32
    %y = arith.mulf %silu, %u : f32
    fptq.yield %y : f32
  }
  return
}

// Every second channel: the stride of the last dimension is a parameter.
// CHECK-LABEL: func.func @interleaved
func.func @interleaved(%x: memref<?x32xf32, strided<[64, 2], offset: ?>>, %q: memref<?x32xi8>, %s: memref<?xf32>, %t: memref<?x1xi32>) {
  fptq.quantize_rows channels(32) group_size(32) padded_group_size(32) maps [#id]
    ins(%x : memref<?x32xf32, strided<[64, 2], offset: ?>>) outs(%q, %s, %t : memref<?x32xi8>, memref<?xf32>, memref<?x1xi32>) {
  ^bb0(%a: f32):
    %y = math.absf %a : f32
    fptq.yield %y : f32
  }
  return
}

// Before the sum all threads write the row, then one warp adds it up: lane by lane, then in halves.
// CHECK: llvm.func @[[NORM]](%{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: !llvm.ptr<1>, %[[EPS:[^:]*]]: f32, %{{[^:]*}}: i32,
// CHECK-SAME: shared_bytes = 2448 : i64, threads = 96 : i64, tile = "1 row"
// CHECK: llvm.store %{{.*}} : f32, !llvm.ptr<3>
// CHECK: nvvm.barrier
// CHECK: scf.if
// CHECK-COUNT-16: math.fma
// CHECK: nvvm.shfl.sync bfly
// CHECK-COUNT-4: nvvm.shfl.sync bfly
// CHECK: nvvm.barrier
// CHECK: arith.divf
// CHECK: arith.addf %{{.*}}, %[[EPS]]
// CHECK: math.rsqrt
// CHECK: llvm.load %{{.*}} invariant {{.*}} !llvm.ptr<1> -> f16
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> vector<4xf32>
// CHECK: llvm.func @[[GATED]]
// CHECK-SAME: shared_bytes = 416 : i64, threads = 64 : i64
// CHECK-NOT: math.fma
// CHECK: llvm.func @fptq_map_rows_k32_g32_{{[0-9a-f]*}}(%{{[^:]*}}: !llvm.ptr<1>, %{{[^:]*}}: i32, %{{[^:]*}}: i32, %{{[^:]*}}: !llvm.ptr<1>

// PTX: .entry fptq_norm_rows_k600_g128_static_
// PTX: ld.global.nc.b32
// PTX-COUNT-16: fma.rn.f32
// PTX: shfl.sync.bfly.b32
// PTX: div.rn.f32
// PTX: sqrt.rn.f32
// PTX: rcp.rn.f32
// PTX: ld.shared.v4.b32
// PTX: .entry fptq_map_rows_k96_g48_
// PTX: cvt.rmi.f32.f32
// PTX: fma.rn.f32
// PTX: rcp.rn.f32
