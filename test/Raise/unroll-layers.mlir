// RUN: fptq-opt --fptq-unroll-layers --split-input-file %s | FileCheck %s
// RUN: fptq-opt --fptq-raise --split-input-file %s | FileCheck %s --check-prefix=RAISED
// RUN: fptq-opt --fptq-unroll-layers="max-operations=7" --remark-format=emitRemark --remarks-filter=Raise --split-input-file %s 2>&1 >/dev/null \
// RUN:   | FileCheck %s --check-prefix=LIMIT

// CHECK-LABEL: @stack
// CHECK-NOT: scf.for
// CHECK: %[[W0:.*]] = tensor.extract_slice %{{.*}}[0, 0, 0] [1, 2, 2] [1, 1, 1]
// CHECK: %[[H:.*]] = linalg.matmul ins(%arg0, %[[W0]]
// CHECK: %[[W1:.*]] = tensor.extract_slice %{{.*}}[1, 0, 0] [1, 2, 2] [1, 1, 1]
// CHECK: linalg.matmul ins(%[[H]], %[[W1]]
// RAISED-LABEL: @stack
// RAISED: layer("layers.q.0")
// RAISED: layer("layers.q.1")
// LIMIT: LeftAlone {{.*}} Reason="unrolled, it would have {{[0-9]+}} operations, more than max-operations=7", Remark="loop over 2 stacked layers left alone"
func.func @stack(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %stack = arith.constant dense_resource<layers.q.weight> : tensor<2x2x2xf32>
  %z = arith.constant dense<0.0> : tensor<4x2xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %r = scf.for %i = %c0 to %c2 step %c1 iter_args(%h = %x) -> tensor<4x2xf32> {
    %w = tensor.extract_slice %stack[%i, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<2x2x2xf32> to tensor<2x2xf32>
    %y = linalg.matmul ins(%h, %w : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
    scf.yield %y : tensor<4x2xf32>
  }
  return %r : tensor<4x2xf32>
}
{-#
  dialect_resources: { builtin: { layers.q.weight: "0x040000000000803F0000004000004040000080400000A0400000C0400000E04000000041" } }
#-}

// -----

// As jax writes it: counters are tensors, two of them, one counts down; the stack is carried; and behind the loop the counter
// is 2, not the 1 of its last trip.
// CHECK-LABEL: @jax
// CHECK-NOT: scf.while
// CHECK-NOT: scf.for
// CHECK: tensor.extract_slice %{{.*}}[1, 0, 0]
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 0]
// CHECK: %[[END:.*]] = tensor.from_elements %c2{{.*}} : tensor<i32>
// CHECK: return %{{.*}}, %[[END]]
#scalar = affine_map<() -> ()>
func.func @jax(%x: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<i32>) {
  %stack = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<2x2x2xf32>
  %z = arith.constant dense<0.0> : tensor<4x2xf32>
  %zero = arith.constant dense<0> : tensor<i32>
  %last = arith.constant dense<1> : tensor<i32>
  %r:4 = scf.while (%s = %stack, %i = %zero, %j = %last, %h = %x) : (tensor<2x2x2xf32>, tensor<i32>, tensor<i32>, tensor<4x2xf32>)
      -> (tensor<2x2x2xf32>, tensor<i32>, tensor<i32>, tensor<4x2xf32>) {
    %e = tensor.empty() : tensor<i1>
    %c = linalg.generic {indexing_maps = [#scalar, #scalar], iterator_types = []} ins(%i : tensor<i32>) outs(%e : tensor<i1>) {
    ^bb0(%in: i32, %out: i1):
      %two = arith.constant 2 : i32
      %b = arith.cmpi slt, %in, %two : i32
      linalg.yield %b : i1
    } -> tensor<i1>
    %holds = tensor.extract %c[] : tensor<i1>
    scf.condition(%holds) %s, %i, %j, %h : tensor<2x2x2xf32>, tensor<i32>, tensor<i32>, tensor<4x2xf32>
  } do {
  ^bb0(%s: tensor<2x2x2xf32>, %i: tensor<i32>, %j: tensor<i32>, %h: tensor<4x2xf32>):
    %n = tensor.extract %j[] : tensor<i32>
    %at = arith.index_cast %n : i32 to index
    %w = tensor.extract_slice %s[%at, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<2x2x2xf32> to tensor<2x2xf32>
    %y = linalg.matmul ins(%h, %w : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
    %e = tensor.empty() : tensor<i32>
    %next:2 = linalg.generic {indexing_maps = [#scalar, #scalar, #scalar, #scalar], iterator_types = []}
      ins(%i, %j : tensor<i32>, tensor<i32>) outs(%e, %e : tensor<i32>, tensor<i32>) {
    ^bb0(%a: i32, %b: i32, %o: i32, %p: i32):
      %one = arith.constant 1 : i32
      %up = arith.addi %a, %one : i32
      %down = arith.subi %b, %one : i32
      linalg.yield %up, %down : i32, i32
    } -> (tensor<i32>, tensor<i32>)
    scf.yield %s, %next#0, %next#1, %y : tensor<2x2x2xf32>, tensor<i32>, tensor<i32>, tensor<4x2xf32>
  }
  return %r#3, %r#1 : tensor<4x2xf32>, tensor<i32>
}

// -----

// A stack of stacks: the weights of the inner loop depend on both counters. Codes are unrolled, too.
// CHECK-LABEL: @nested
// CHECK-NOT: scf.for
// CHECK-COUNT-4: linalg.matmul
// CHECK-NOT: linalg.matmul
func.func @nested(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %stack = arith.constant dense<[[[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]> : tensor<2x2x2x2xi8>
  %z = arith.constant dense<0.0> : tensor<4x2xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %r = scf.for %i = %c0 to %c2 step %c1 iter_args(%g = %x) -> tensor<4x2xf32> {
    %q = scf.for %j = %c0 to %c2 step %c1 iter_args(%h = %g) -> tensor<4x2xf32> {
      %c = tensor.extract_slice %stack[%i, %j, 0, 0] [1, 1, 2, 2] [1, 1, 1, 1] : tensor<2x2x2x2xi8> to tensor<2x2xi8>
      %w = arith.sitofp %c : tensor<2x2xi8> to tensor<2x2xf32>
      %y = linalg.matmul ins(%h, %w : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
      scf.yield %y : tensor<4x2xf32>
    }
    scf.yield %q : tensor<4x2xf32>
  }
  return %r : tensor<4x2xf32>
}

// -----

// One weight for all time steps; a row of a table for each step; as many trips as an argument says; one weight of
// two that the data choose.
// CHECK-LABEL: @left_alone
// CHECK: scf.for
// CHECK: scf.for
// CHECK: scf.for
// CHECK: scf.while
func.func @left_alone(%x: tensor<4x2xf32>, %n: index) -> (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>) {
  %stack = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<2x2x2xf32>
  %one = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %steps = arith.constant dense<1.0> : tensor<2x4x2xf32>
  %z = arith.constant dense<0.0> : tensor<4x2xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %0 = scf.for %i = %c0 to %c2 step %c1 iter_args(%h = %x) -> tensor<4x2xf32> {
    %y = linalg.matmul ins(%h, %one : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
    scf.yield %y : tensor<4x2xf32>
  }
  %1 = scf.for %i = %c0 to %c2 step %c1 iter_args(%h = %x) -> tensor<4x2xf32> {
    %t = tensor.extract_slice %steps[%i, 0, 0] [1, 4, 2] [1, 1, 1] : tensor<2x4x2xf32> to tensor<4x2xf32>
    %y = linalg.matmul ins(%t, %one : tensor<4x2xf32>, tensor<2x2xf32>) outs(%h : tensor<4x2xf32>) -> tensor<4x2xf32>
    scf.yield %y : tensor<4x2xf32>
  }
  %2 = scf.for %i = %c0 to %n step %c1 iter_args(%h = %x) -> tensor<4x2xf32> {
    %w = tensor.extract_slice %stack[%i, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<2x2x2xf32> to tensor<2x2xf32>
    %y = linalg.matmul ins(%h, %w : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
    scf.yield %y : tensor<4x2xf32>
  }
  %3:2 = scf.while (%i = %c0, %h = %x) : (index, tensor<4x2xf32>) -> (index, tensor<4x2xf32>) {
    %f = tensor.extract %h[%c0, %c0] : tensor<4x2xf32>
    %limit = arith.constant 100.0 : f32
    %holds = arith.cmpf olt, %f, %limit : f32
    scf.condition(%holds) %i, %h : index, tensor<4x2xf32>
  } do {
  ^bb0(%i: index, %h: tensor<4x2xf32>):
    %w = tensor.extract_slice %stack[%i, 0, 0] [1, 2, 2] [1, 1, 1] : tensor<2x2x2xf32> to tensor<2x2xf32>
    %y = linalg.matmul ins(%h, %w : tensor<4x2xf32>, tensor<2x2xf32>) outs(%z : tensor<4x2xf32>) -> tensor<4x2xf32>
    %next = arith.subi %c1, %i : index
    scf.yield %next, %y : index, tensor<4x2xf32>
  }
  return %0, %1, %2, %3#1 : tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>
}
