// RUN: fptq-opt %s --convert-fptq-to-x86=tier=avx2 --canonicalize --cse | FileCheck %s
// RUN: fptq-opt %s --convert-fptq-to-x86="tier=avx2 threads=true" | FileCheck %s --check-prefix=TEAM

// Products of the same activations: one `prepare` and one team for them all.

#scheme = #fptq.scheme<group, group_size = 128, symmetric = true, method = rtn>
#other = #fptq.scheme<group, group_size = 256, symmetric = true, method = rtn>
!q = memref<?x256xi8>
!w = memref<8704xi8>
!y = memref<?x64xf32>

// The gate reads the columns of `up` that it overwrites; the third product, half as wide, takes half as many panels.
// CHECK-LABEL: func.func @gated
// CHECK-COUNT-1: llvm.call @{{.*}}_prepare(
// CHECK-NOT: _prepare(
// CHECK: llvm.call @{{.*}}_matmul(%{{.*}}, %c0_i64, %c4_i64)
// CHECK-NEXT: llvm.call @{{.*}}_matmul(%{{.*}}, %c0_i64, %c4_i64)
// CHECK-NEXT: llvm.call @{{.*}}_matmul(%{{.*}}, %c0_i64, %c2_i64)
// CHECK: memref.dealloc
// CHECK-NEXT: memref.dealloc
// TEAM-LABEL: func.func @gated
// TEAM-COUNT-2: omp.parallel
// TEAM-NOT: omp.parallel
// TEAM: return
func.func @gated(%q: !q, %xs: memref<?xf32>, %sums: memref<?x2xi32>, %w: !w, %v: !w, %u: memref<4352xi8>, %m: index) {
  %y = memref.alloc(%m) : !y
  fptq.packed_matmul #scheme <"x86"> k(256) layer("up") ins(%q, %xs, %sums : !q, memref<?xf32>, memref<?x2xi32>)
    weights(%w : !w) outs(%y : !y)
  %z = memref.alloc(%m) : memref<?x32xf32>
  fptq.packed_matmul #scheme <"x86"> k(256) layer("gate") ins(%q, %xs, %sums : !q, memref<?xf32>, memref<?x2xi32>)
    weights(%v : !w) activation <silu> multiplicand(%y : !y) outs(%y : !y)
  fptq.packed_matmul #scheme <"x86"> k(256) layer("k") ins(%q, %xs, %sums : !q, memref<?xf32>, memref<?x2xi32>)
    weights(%u : memref<4352xi8>) outs(%z : memref<?x32xf32>)
  memref.dealloc %y : !y
  return
}

// Two arguments may be the same memory.
// CHECK-LABEL: func.func @may_alias
// CHECK-COUNT-2: _prepare(
// CHECK: return
func.func @may_alias(%q: !q, %xs: memref<?xf32>, %sums: memref<?x2xi32>, %w: !w, %v: !w, %y: !y, %z: !y) {
  fptq.packed_matmul #scheme <"x86"> k(256) layer("a") ins(%q, %xs, %sums : !q, memref<?xf32>, memref<?x2xi32>)
    weights(%w : !w) outs(%y : !y)
  fptq.packed_matmul #scheme <"x86"> k(256) layer("b") ins(%q, %xs, %sums : !q, memref<?xf32>, memref<?x2xi32>)
    weights(%v : !w) outs(%z : !y)
  return
}

// Other columns of the first product's output are read: they may not be there yet.
// CHECK-LABEL: func.func @other_columns
// CHECK-COUNT-2: _prepare(
// CHECK: return
func.func @other_columns(%q: !q, %xs: memref<?xf32>, %sums: memref<?x2xi32>, %w: !w, %u: memref<4352xi8>, %m: index) {
  %y = memref.alloc(%m) : !y
  %z = memref.alloc(%m) : memref<?x32xf32>
  %part = memref.subview %y[0, 32] [%m, 32] [1, 1] : !y to memref<?x32xf32, strided<[64, 1], offset: 32>>
  fptq.packed_matmul #scheme <"x86"> k(256) layer("a") ins(%q, %xs, %sums : !q, memref<?xf32>, memref<?x2xi32>)
    weights(%w : !w) outs(%y : !y)
  fptq.packed_matmul #scheme <"x86"> k(256) layer("b") ins(%q, %xs, %sums : !q, memref<?xf32>, memref<?x2xi32>)
    weights(%u : memref<4352xi8>) residual(%part : memref<?x32xf32, strided<[64, 1], offset: 32>>)
    outs(%z : memref<?x32xf32>)
  return
}

// Something reads memory between them, the formats differ, or the activations do.
// CHECK-LABEL: func.func @apart
// CHECK-COUNT-4: _prepare(
// CHECK: return
func.func @apart(%q: !q, %p: !q, %xs: memref<?xf32>, %sums: memref<?x2xi32>, %sum: memref<?x1xi32>, %w: !w,
                 %long: memref<8448xi8>, %m: index) -> f32 {
  %c0 = arith.constant 0 : index
  %a = memref.alloc(%m) : !y
  %b = memref.alloc(%m) : !y
  %c = memref.alloc(%m) : !y
  %d = memref.alloc(%m) : !y
  fptq.packed_matmul #scheme <"x86"> k(256) layer("a") ins(%q, %xs, %sums : !q, memref<?xf32>, memref<?x2xi32>)
    weights(%w : !w) outs(%a : !y)
  %first = memref.load %a[%c0, %c0] : !y
  fptq.packed_matmul #scheme <"x86"> k(256) layer("b") ins(%q, %xs, %sums : !q, memref<?xf32>, memref<?x2xi32>)
    weights(%w : !w) outs(%b : !y)
  fptq.packed_matmul #scheme <"x86"> k(256) layer("c") ins(%p, %xs, %sums : !q, memref<?xf32>, memref<?x2xi32>)
    weights(%w : !w) outs(%c : !y)
  fptq.packed_matmul #other <"x86"> k(256) layer("d") ins(%p, %xs, %sum : !q, memref<?xf32>, memref<?x1xi32>)
    weights(%long : memref<8448xi8>) outs(%d : !y)
  return %first : f32
}
