// The loop ends when %i is 4; the uplifted one says 3.
// What LLVM/MLIR 22.1.8 does, not what it should: this test fails when a release repairs it (docs/UpstreamIssues.md).
// RUN: mlir-opt %s --test-scf-uplift-while-to-for | FileCheck %s

// CHECK: %[[C3:.*]] = arith.constant 3 : i32
// CHECK: scf.for
// CHECK: return %{{.*}}, %[[C3]]
func.func @count(%x: f32) -> (f32, i32) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %r:2 = scf.while (%i = %c0, %h = %x) : (i32, f32) -> (i32, f32) {
    %c = arith.cmpi slt, %i, %c4 : i32
    scf.condition(%c) %i, %h : i32, f32
  } do {
  ^bb0(%i: i32, %h: f32):
    %y = arith.mulf %h, %h : f32
    %n = arith.addi %i, %c1 : i32
    scf.yield %n, %y : i32, f32
  }
  return %r#1, %r#0 : f32, i32
}
