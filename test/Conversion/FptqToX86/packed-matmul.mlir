// RUN: fptq-opt %s --convert-fptq-to-x86=tier=avx512vnni | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: fptq-opt %s --convert-fptq-to-x86=tier=avx512vnni | FileCheck %s --check-prefix=SWEEP
// RUN: fptq-opt %s --convert-fptq-to-x86=tier=avx2 | FileCheck %s --check-prefixes=CHECK,AVX2
// Linux gives AMX tiles to those who ask: who has one tier only, too.
// RUN: fptq-opt %s --convert-fptq-to-x86=tier=amx-int8 | FileCheck %s --check-prefix=ASKS
// ASKS: call @fptq_cpu_tiers
// RUN: fptq-opt %s --convert-fptq-to-x86=tier=amx-int8-emulated | FileCheck %s --check-prefix=EMULATED
// EMULATED-NOT: @fptq_cpu_tiers
// RUN: fptq-opt %s --convert-fptq-to-x86=tier=reference | FileCheck %s --check-prefix=REFERENCE
// RUN: fptq-opt %s --convert-fptq-to-x86="tier=reference,avx2,avx512vnni threads=true" | FileCheck %s --check-prefix=MULTI

#scheme = #fptq.scheme<group, group_size = 128, symmetric = true, method = rtn>

// CHECK-LABEL: func.func @matmul
// CHECK: llvm.call @[[PREPARE:fptq_.*_sym_g128_f32_prepare]]
// CHECK: llvm.call @[[MATMUL:fptq_.*_sym_g128_f32_matmul]]
// VNNI: llvm.func internal @fptq_avx512vnni_sym_g128_f32_direct1
// VNNI-SAME: target_cpu = "x86-64-v4", target_features = #llvm.target_features<["+avx512vnni", "+fast-dpwssd"]>
// VNNI: fptq_x86.dot4
// In the last slab the epilogue of a tile follows its last dots; the other slabs end with theirs.
// SWEEP-LABEL: llvm.func internal @fptq_avx512vnni_sym_g128_f32_tile_matmul
// SWEEP: llvm.call @fptq_avx512vnni_sym_g128_f32_first6
// SWEEP-NOT: llvm.call @{{.*}}_tile6
// SWEEP: llvm.call @fptq_avx512vnni_sym_g128_f32_epilogue
// SWEEP: llvm.call @fptq_avx512vnni_sym_g128_f32_tile6
// SWEEP: llvm.call @fptq_avx512vnni_sym_g128_f32_epilogue
// SWEEP: llvm.call @fptq_avx512vnni_sym_g128_f32_tile6
// A line of the next slab for each octet of a body of 32 channels, into L2.
// SWEEP-LABEL: llvm.func internal @fptq_avx512vnni_sym_g128_f32_tile6
// SWEEP-COUNT-4: "llvm.intr.prefetch"{{.*}}hint = 2
// SWEEP-NOT: "llvm.intr.prefetch"
// SWEEP: llvm.return
// AVX2: fptq_x86.madd8
// REFERENCE: llvm.call @fptq_reference_matmul
// MULTI: llvm.call @fptq_cpu_tiers
// MULTI: omp.parallel
// MULTI: llvm.cmpxchg {{.*}} monotonic monotonic
func.func @matmul(%q: memref<?x256xi8>, %xs: memref<?xf32>, %sums: memref<?x2xi32>, %w: memref<8704xi8>,
                  %bias: memref<64xf32>, %y: memref<?x64xf32>) {
  fptq.packed_matmul #scheme <"x86"> k(256) layer("l")
    ins(%q, %xs, %sums : memref<?x256xi8>, memref<?xf32>, memref<?x2xi32>) weights(%w : memref<8704xi8>)
    bias(%bias : memref<64xf32>) outs(%y : memref<?x64xf32>)
  return
}
