// What stands in a module but in no function nobody runs: kernels and stacks have no place there.
// RUN: split-file %s %t
// RUN: not fptq-opt --fptq-x86-pipeline=tier=reference %t/kernel.mlir 2>&1 | FileCheck %t/kernel.mlir
// RUN: not fptq-opt --fptq-nvptx-pipeline=chip=sm_80 %t/kernel.mlir 2>&1 | FileCheck %t/kernel.mlir
// RUN: fptq-opt --fptq-lower-asserts --fptq-share-loops %t/host.mlir | FileCheck %t/host.mlir

//--- kernel.mlir
%x = memref.alloc() : memref<4x64xf32>
%q = memref.alloc() : memref<4x64xi8>
%s = memref.alloc() : memref<4xf32>
%t = memref.alloc() : memref<4x2xi32>
// CHECK: kernel.mlir:[[#@LINE+1]]:1: error: 'fptq.quantize_activations' op is in no function
fptq.quantize_activations group_size(32) padded_group_size(32) ins(%x : memref<4x64xf32>)
  outs(%q, %s, %t : memref<4x64xi8>, memref<4xf32>, memref<4x2xi32>)

//--- host.mlir
// CHECK: cf.assert
%b = arith.constant false
cf.assert %b, "never"

// CHECK: scf.parallel
%c0 = arith.constant 0 : index
%c1 = arith.constant 1 : index
%c9 = arith.constant 900 : index
%f = arith.constant 1.0 : f32
%m = memref.alloc() : memref<900xf32>
scf.parallel (%i) = (%c0) to (%c9) step (%c1) {
  memref.store %f, %m[%i] : memref<900xf32>
}
