// RUN: fptq-opt --fptq-outline-rows --canonicalize --cse --remarks-filter=LinalgToVector %s 2>&1 | FileCheck %s

#id = affine_map<(m, k) -> (m, k)>
#row = affine_map<(m, k) -> (m)>
#col = affine_map<(m, k) -> (k)>
#one = affine_map<(m) -> (m)>
!codes = tensor<?x64xi8>
!scales = tensor<?xf32>
!sums = tensor<?x2xi32>

// CHECK-DAG: remark: [Passed] QuantizeStepFused | Category:LinalgToVector | ops=5
// CHECK-DAG: remark: [Passed] QuantizeStepFused | Category:LinalgToVector | ops=2
// CHECK-DAG: remark: [Passed] QuantizeStepFused | Category:LinalgToVector | ops=2
// CHECK-DAG: remark: [Missed] QuantizeStepNotFused | Category:LinalgToVector | Reason=math.sin

// RMSNorm: the product that is added up is an fma, constants move in, gamma is read as it is stored.
// CHECK-LABEL: @norm
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[GAMMA:.*]]: tensor<64xf16>,
// CHECK-NOT: linalg.generic
// CHECK: fptq.quantize_rows channels(64) group_size(32) padded_group_size(32)
// CHECK-SAME: ins(%[[GAMMA]], %[[X]] : tensor<64xf16>, tensor<?x64xf32>)
// CHECK: ^bb0(%[[G:.*]]: f16, %[[E:.*]]: f32):
// CHECK-DAG: %[[GF:.*]] = arith.extf %[[G]]
// CHECK-DAG: %[[SUM:.*]] = fptq.row_sum %[[E]] * %[[E]]
// CHECK-DAG: arith.divf
// CHECK: %[[R:.*]] = math.rsqrt
// CHECK: %[[N:.*]] = arith.mulf %[[E]], %[[R]]
// CHECK: %[[Y:.*]] = arith.mulf %[[GF]], %[[N]]
// CHECK: fptq.yield %[[Y]]
func.func @norm(%x: tensor<?x64xf32>, %gamma: tensor<64xf16>, %q: !codes, %s: !scales, %u: !sums) -> (!codes, !scales, !sums) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %count = arith.constant 64.0 : f32
  %m = tensor.dim %x, %c0 : tensor<?x64xf32>
  %e = tensor.empty(%m) : tensor<?x64xf32>
  %e1 = tensor.empty(%m) : tensor<?xf32>
  %ek = tensor.empty() : tensor<64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %sum = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<?x64xf32>) outs(%f : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %square = arith.mulf %a, %a fastmath<contract> : f32
    %r = arith.addf %o, %square fastmath<contract> : f32
    linalg.yield %r : f32
  } -> tensor<?xf32>
  %rms = linalg.generic {indexing_maps = [#one, #one], iterator_types = ["parallel"]} ins(%sum : tensor<?xf32>) outs(%e1 : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %d = arith.divf %a, %count : f32
    %r = math.rsqrt %d : f32
    linalg.yield %r : f32
  } -> tensor<?xf32>
  %g = linalg.generic {indexing_maps = [#one, #one], iterator_types = ["parallel"]} ins(%gamma : tensor<64xf16>) outs(%ek : tensor<64xf32>) {
  ^bb0(%a: f16, %o: f32):
    %r = arith.extf %a : f16 to f32
    linalg.yield %r : f32
  } -> tensor<64xf32>
  %y = linalg.generic {indexing_maps = [#col, #id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%g, %x, %rms : tensor<64xf32>, tensor<?x64xf32>, tensor<?xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32, %o: f32):
    %n = arith.mulf %b, %c : f32
    %r = arith.mulf %a, %n : f32
    linalg.yield %r : f32
  } -> tensor<?x64xf32>
  %c:3 = fptq.quantize_activations group_size(32) padded_group_size(32) ins(%y : tensor<?x64xf32>) outs(%q, %s, %u : !codes, !scales, !sums) -> !codes, !scales, !sums
  return %c#0, %c#1, %c#2 : !codes, !scales, !sums
}

// The gate's sine has no polynomial: its op stays, and what it computes is an input. The multiplier rounds by itself.
// CHECK-LABEL: @gated
// CHECK-SAME: %{{.*}}: tensor<?x64xf32>, %[[UP:.*]]: tensor<?x64xbf16>, %[[MULTIPLIER:.*]]: tensor<64xf32>, %[[SCALE:.*]]: f32,
// CHECK: %[[GATE:.*]] = linalg.generic
// CHECK: math.sin
// CHECK: fptq.quantize_rows
// CHECK-SAME: ins(%[[GATE]], %[[UP]], %[[MULTIPLIER]] : tensor<?x64xf32>, tensor<?x64xbf16>, tensor<64xf32>) static_scale(%[[SCALE]])
// CHECK: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: bf16, %[[C:.*]]: f32):
// CHECK-NEXT: %[[BF:.*]] = arith.extf %[[B]] : bf16 to f32
// CHECK-NEXT: %[[AB:.*]] = arith.mulf %[[A]], %[[BF]]
// CHECK-NEXT: %[[ABC:.*]] = arith.mulf %[[AB]], %[[C]] : f32
// CHECK-NEXT: fptq.yield %[[ABC]]
func.func @gated(%x: tensor<?x64xf32>, %up: tensor<?x64xbf16>, %multiplier: tensor<64xf32>, %scale: f32, %q: !codes, %s: !scales, %u: !sums) -> (!codes, !scales, !sums) {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x64xf32>
  %e = tensor.empty(%m) : tensor<?x64xf32>
  %gate = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = math.sin %a : f32
    linalg.yield %r : f32
  } -> tensor<?x64xf32>
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%gate, %up : tensor<?x64xf32>, tensor<?x64xbf16>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%a: f32, %b: bf16, %o: f32):
    %w = arith.extf %b : bf16 to f32
    %r = arith.mulf %a, %w : f32
    linalg.yield %r : f32
  } -> tensor<?x64xf32>
  %c:3 = fptq.quantize_activations group_size(32) padded_group_size(32) ins(%y : tensor<?x64xf32>) multiplier(%multiplier : tensor<64xf32>)
    static_scale(%scale) outs(%q, %s, %u : !codes, !scales, !sums) -> !codes, !scales, !sums
  return %c#0, %c#1, %c#2 : !codes, !scales, !sums
}

// The largest of a row has no kernel form, and nothing was made for the last step.
// CHECK-LABEL: @left_alone
// CHECK-NOT: fptq.quantize_rows
func.func @left_alone(%x: tensor<?x64xf32>, %q: !codes, %s: !scales, %u: !sums) -> (!codes, !codes) {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x64xf32>
  %e = tensor.empty(%m) : tensor<?x64xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = math.sin %a : f32
    linalg.yield %r : f32
  } -> tensor<?x64xf32>
  %c:3 = fptq.quantize_activations group_size(32) padded_group_size(32) ins(%y : tensor<?x64xf32>) outs(%q, %s, %u : !codes, !scales, !sums) -> !codes, !scales, !sums
  %d:3 = fptq.quantize_activations group_size(32) padded_group_size(32) ins(%x : tensor<?x64xf32>) outs(%q, %s, %u : !codes, !scales, !sums) -> !codes, !scales, !sums
  return %c#0, %d#0 : !codes, !codes
}

// A maximum of the row is an input, a sum of something else than the row too.
// CHECK-LABEL: @other_reduction
// CHECK: %[[MAX:.*]] = linalg.generic {{.*}} "reduction"]
// CHECK: fptq.quantize_rows {{.*}} ins(%{{.*}}, %[[MAX]] : tensor<?x64xf32>, tensor<?xf32>)
func.func @other_reduction(%x: tensor<?x64xf32>, %q: !codes, %s: !scales, %u: !sums) -> !codes {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %x, %c0 : tensor<?x64xf32>
  %e = tensor.empty(%m) : tensor<?x64xf32>
  %e1 = tensor.empty(%m) : tensor<?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %max = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<?x64xf32>) outs(%f : tensor<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.maximumf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<?xf32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %max : tensor<?x64xf32>, tensor<?xf32>) outs(%e : tensor<?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.divf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<?x64xf32>
  %c:3 = fptq.quantize_activations group_size(32) padded_group_size(32) ins(%y : tensor<?x64xf32>) outs(%q, %s, %u : !codes, !scales, !sums) -> !codes, !scales, !sums
  return %c#0 : !codes
}
