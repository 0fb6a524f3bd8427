// RUN: fptq-opt %s --fptq-lower-x86-ops | FileCheck %s

// CHECK-LABEL: llvm.func @instructions
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.256"
// CHECK: %[[PAIRS:.*]] = llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// CHECK: arith.addi %{{.*}}, %[[PAIRS]] : vector<16xi16>
// CHECK: llvm.call_intrinsic "llvm.arithmetic.fence"
// CHECK: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"
llvm.func @instructions(%a: vector<16xi32>, %w: vector<64xi8>, %b: vector<8xi32>, %v: vector<32xi8>, %s: vector<16xi16>) {
  %0 = fptq_x86.dot4 %a, %w, %w : vector<16xi32>, vector<64xi8>
  %1 = fptq_x86.dot4 %b, %v, %v : vector<8xi32>, vector<32xi8>
  %2 = fptq_x86.madd8 %s, %v, %v weight_max(15) : vector<16xi16>, vector<32xi8>
  %3 = fptq_x86.madd16 %s, %s : vector<16xi16> -> vector<8xi32>
  llvm.return
}

// CHECK-LABEL: llvm.func @emulated
// CHECK-NOT: call_intrinsic
// CHECK-COUNT-4: arith.muli %{{.*}} : vector<16xi32>
llvm.func @emulated(%a: vector<16xi32>, %w: vector<64xi8>) attributes {fptq_x86.emulated} {
  %0 = fptq_x86.dot4 %a, %w, %w : vector<16xi32>, vector<64xi8>
  llvm.return
}
