// RUN: fptq-opt %s --fptq-simulate-gpu --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-DAG: llvm.mlir.global private constant @"fptq.text.nvvm.barrier0, operation 3 at
// CHECK-DAG: llvm.func @fptq_sim_access(!llvm.ptr, i64, i64, i32, i32, !llvm.ptr)
// CHECK-LABEL: llvm.func internal @fptq.simulated.copy
// CHECK-SAME: (%[[X:.*]]: !llvm.ptr, %[[N:.*]]: i32)
// CHECK: %[[T:.*]] = llvm.call @fptq_sim_register
// CHECK: %[[S:.*]] = llvm.call @fptq_sim_shared
// CHECK: llvm.call @fptq_sim_barrier(
// CHECK: llvm.call @fptq_sim_access(%[[X]]
// CHECK-NEXT: %[[V:.*]] = llvm.load %[[X]] {alignment = 16 : i64} : !llvm.ptr -> vector<4xi32>
// CHECK: llvm.call @fptq_sim_access(%[[S]]
// CHECK-NEXT: llvm.store %[[V]], %[[S]]
// CHECK-LABEL: llvm.func internal @fptq.simulated.copy.parameters(%{{.*}}: !llvm.ptr)
// CHECK-LABEL: llvm.func @run(
// CHECK: llvm.call @fptq_sim_launch(%{{.*}}, %{{.*}}, %{{.*}}) : (!llvm.ptr, !llvm.ptr, i64) -> ()
// CHECK: llvm.mlir.global internal constant @fptq.simulated.kernels()
// CHECK-NOT: gpu.module
module {
  gpu.module @device {
    llvm.mlir.global external @s() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<64 x i8>
    llvm.func @copy(%x: !llvm.ptr<1> {llvm.noalias}, %n: i32) attributes {gpu.kernel, nvvm.kernel} {
      %t = nvvm.read.ptx.sreg.tid.x : i32
      %s = llvm.mlir.addressof @s : !llvm.ptr<3>
      nvvm.barrier0
      %v = llvm.load %x {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
      llvm.store %v, %s {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
      llvm.return
    }
  }
  llvm.func @fptq_gpu_launch(!llvm.ptr)
  llvm.func @run(%launch: !llvm.ptr) {
    llvm.call @fptq_gpu_launch(%launch) : (!llvm.ptr) -> ()
    llvm.return
  }
}

// -----

module {
  gpu.module @device {
    llvm.func @k(%x: f32) attributes {nvvm.kernel} {
      // expected-error @+1 {{'nvvm.rcp.approx.ftz.f' op (S1) has no case in the GPU simulator}}
      %r = nvvm.rcp.approx.ftz.f %x : f32
      llvm.return
    }
  }
}

// -----

module {
  gpu.module @device {
    llvm.func @helper() {
      llvm.return
    }
    llvm.func @k() attributes {nvvm.kernel} {
      // expected-error @+1 {{'llvm.call' op (S1) has no case in the GPU simulator}}
      llvm.call @helper() : () -> ()
      llvm.return
    }
  }
}

// -----

module {
  gpu.module @device {
    llvm.mlir.global internal constant @table("abc") {addr_space = 4 : i32}
    llvm.func @k() attributes {nvvm.kernel} {
      // expected-error @+1 {{'llvm.mlir.addressof' op (S3) refers to 'table', which is no shared memory without an initializer}}
      %p = llvm.mlir.addressof @table : !llvm.ptr<4>
      llvm.return
    }
  }
}

// -----

module {
  gpu.module @device {
    llvm.func @k(%x: i32) attributes {nvvm.kernel} {
      // expected-error @+1 {{'llvm.inline_asm' op (S1) has no case in the GPU simulator}}
      %r = llvm.inline_asm "mov.b32 $0, $1;", "=r,r" %x : (i32) -> i32
      llvm.return
    }
  }
}
