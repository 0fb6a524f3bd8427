// RUN: fptq-opt --fptq-fuse-rows --canonicalize --cse --remarks-filter=LinalgToVector %s 2>&1 | FileCheck %s
// RUN: fptq-opt --fptq-fuse-rows=threads=true %s | FileCheck %s --check-prefix=SHARED

#id = affine_map<(m, k) -> (m, k)>
#row = affine_map<(m, k) -> (m)>
!codes = tensor<?x64xi8>
!scales = tensor<?xf32>
!sums = tensor<?x2xi32>

// The scaled rows and the sums they are scaled by are made and quantized eight at a time; x, which others read too, is not.
// CHECK: remark: [Passed] QuantizeStepFused | Category:LinalgToVector | ops=3, rows=8
// CHECK-LABEL: @norm
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>
// CHECK: %[[Y:.*]] = linalg.generic
// CHECK: scf.for %{{.*}} step %c8
// CHECK-DAG: %[[ROWS:.*]] = tensor.extract_slice %[[Y]]
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} "reduction"]} ins(%[[ROWS]]
// CHECK: %[[SCALED:.*]] = linalg.generic {{.*}} ins(%[[ROWS]], %[[SUM]]
// CHECK: fptq.quantize_activations {{.*}} ins(%[[SCALED]]
// CHECK: scf.yield
// CHECK: return %[[Y]]
// SHARED-LABEL: @norm
// SHARED: scf.forall
// SHARED: fptq.quantize_activations
// SHARED: scf.forall.in_parallel
func.func @norm(%x: tensor<?x64xf32>, %q: !codes, %s: !scales, %u: !sums) -> (tensor<?x64xf32>, !codes, !scales, !sums) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %x, %c0 : tensor<?x64xf32>
  %e = tensor.empty(%m) : tensor<?x64xf32>
  %e1 = tensor.empty(%m) : tensor<?xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = math.exp %a : f32
    linalg.yield %r : f32
  } -> tensor<?x64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %sum = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%y : tensor<?x64xf32>) outs(%f : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<?xf32>
  %scaled = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%y, %sum : tensor<?x64xf32>, tensor<?xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.divf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<?x64xf32>
  %c:3 = fptq.quantize_activations group_size(32) padded_group_size(32) ins(%scaled : tensor<?x64xf32>) outs(%q, %s, %u : !codes, !scales, !sums) -> !codes, !scales, !sums
  return %y, %c#0, %c#1, %c#2 : tensor<?x64xf32>, !codes, !scales, !sums
}

// Nothing was computed for the step alone, and a single row needs no loop.
// CHECK-LABEL: @left_alone
// CHECK-NOT: scf.for
func.func @left_alone(%x: tensor<?x64xf32>, %q: !codes, %s: !scales, %u: !sums) -> (!codes, !scales, !sums) {
  %c:3 = fptq.quantize_activations group_size(32) padded_group_size(32) ins(%x : tensor<?x64xf32>) outs(%q, %s, %u : !codes, !scales, !sums) -> !codes, !scales, !sums
  return %c#0, %c#1, %c#2 : !codes, !scales, !sums
}
