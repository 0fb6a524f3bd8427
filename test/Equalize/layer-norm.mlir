// A LayerNorm takes the scale in gamma AND beta: y = n * gamma + beta.
// RUN: fptq-opt %s --split-input-file --fptq-equalize --remarks-filter=Equalize > %t 2> %t.remarks
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// After fusion the norm is fewer generics with the same body expressions.
// RUN: fptq-opt %s --split-input-file --linalg-fuse-elementwise-ops --canonicalize --fptq-equalize -o /dev/null \
// RUN:   --remarks-filter=Equalize 2>&1 | FileCheck %s --check-prefix=FUSED

#row = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#token = affine_map<(d0, d1, d2) -> (d0, d1, 0)>
#channel = affine_map<(d0, d1, d2) -> (d2)>

// As torch-mlir writes it: the variance in f64 with a mean of its own, a second mean in f32.
// CHECK-LABEL: @variance_is_f64
// CHECK: %[[GAMMA:.*]] = arith.constant dense<[7.000000e+00, 7.000000e+00, 4.000000e+00, 5.000000e+00]> : tensor<4xf32>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[GAMMA]] : tensor<1x8x4xf32>, tensor<4xf32>)
// CHECK: %[[BETA:.*]] = arith.constant dense<[1.000000e+00, 5.000000e-01, -2.000000e+00, 0.000000e+00]> : tensor<4xf32>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[BETA]] : tensor<1x8x4xf32>, tensor<4xf32>)
// CHECK: fptq.scale_channels %{{.*}} dim(1) : tensor<3x4xf32>
// CHECK-NOT: fptq.scale_channels
// REMARK: Remark="layer 'fc1': 1/s is folded into 'gamma', 'beta'"
// FUSED: Remark="layer 'fc1': 1/s is folded into 'gamma', 'beta'"
func.func @variance_is_f64(%x: tensor<1x8x4xf32>) -> tensor<1x8x3xf32> {
  %gamma = arith.constant {fptq.name = "gamma"} dense<[7.0, 14.0, 14.0, 5.0]> : tensor<4xf32>
  %beta = arith.constant {fptq.name = "beta"} dense<[1.0, 1.0, -7.0, 0.0]> : tensor<4xf32>
  %w = arith.constant dense<0.5> : tensor<3x4xf32>
  %n64 = arith.constant 4.0 : f64
  %n32 = arith.constant 4.0 : f32
  %eps = arith.constant 1.0e-5 : f64
  %zero64 = arith.constant 0.0 : f64
  %zero32 = arith.constant 0.0 : f32
  %e64 = tensor.empty() : tensor<1x8x4xf64>
  %t64 = tensor.empty() : tensor<1x8x1xf64>
  %e32 = tensor.empty() : tensor<1x8x4xf32>
  %t32 = tensor.empty() : tensor<1x8x1xf32>
  %z64 = linalg.fill ins(%zero64 : f64) outs(%t64 : tensor<1x8x1xf64>) -> tensor<1x8x1xf64>
  %z32 = linalg.fill ins(%zero32 : f32) outs(%t32 : tensor<1x8x1xf32>) -> tensor<1x8x1xf32>
  %xd = linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : tensor<1x8x4xf32>) outs(%e64 : tensor<1x8x4xf64>) {
  ^bb0(%a: f32, %o: f64):
    %r = arith.extf %a : f32 to f64
    linalg.yield %r : f64
  } -> tensor<1x8x4xf64>
  %sd = linalg.generic {indexing_maps = [#row, #token], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%xd : tensor<1x8x4xf64>) outs(%z64 : tensor<1x8x1xf64>) {
  ^bb0(%a: f64, %o: f64):
    %r = arith.addf %a, %o : f64
    linalg.yield %r : f64
  } -> tensor<1x8x1xf64>
  %cd = linalg.generic {indexing_maps = [#row, #token, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%xd, %sd : tensor<1x8x4xf64>, tensor<1x8x1xf64>) outs(%e64 : tensor<1x8x4xf64>) {
  ^bb0(%a: f64, %b: f64, %o: f64):
    %m = arith.divf %b, %n64 : f64
    %r = arith.subf %a, %m : f64
    %q = arith.mulf %r, %r : f64
    linalg.yield %q : f64
  } -> tensor<1x8x4xf64>
  %vd = linalg.generic {indexing_maps = [#row, #token], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%cd : tensor<1x8x4xf64>) outs(%z64 : tensor<1x8x1xf64>) {
  ^bb0(%a: f64, %o: f64):
    %r = arith.addf %a, %o : f64
    linalg.yield %r : f64
  } -> tensor<1x8x1xf64>
  %s = linalg.generic {indexing_maps = [#row, #token], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x8x4xf32>) outs(%z32 : tensor<1x8x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  } -> tensor<1x8x1xf32>
  %c = linalg.generic {indexing_maps = [#row, #token, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %s : tensor<1x8x4xf32>, tensor<1x8x1xf32>) outs(%e32 : tensor<1x8x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %m = arith.divf %b, %n32 : f32
    %r = arith.subf %a, %m : f32
    linalg.yield %r : f32
  } -> tensor<1x8x4xf32>
  %n = linalg.generic {indexing_maps = [#row, #token, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%c, %vd : tensor<1x8x4xf32>, tensor<1x8x1xf64>) outs(%e32 : tensor<1x8x4xf32>) {
  ^bb0(%a: f32, %b: f64, %o: f32):
    %v = arith.divf %b, %n64 : f64
    %v32 = arith.truncf %v : f64 to f32
    %t = arith.truncf %eps : f64 to f32
    %ve = arith.addf %v32, %t : f32
    %i = math.rsqrt %ve : f32
    %r = arith.mulf %a, %i : f32
    linalg.yield %r : f32
  } -> tensor<1x8x4xf32>
  %g = linalg.generic {indexing_maps = [#row, #channel, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%n, %gamma : tensor<1x8x4xf32>, tensor<4xf32>) outs(%e32 : tensor<1x8x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.mulf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<1x8x4xf32>
  %y = linalg.generic {indexing_maps = [#row, #channel, #row], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%g, %beta : tensor<1x8x4xf32>, tensor<4xf32>) outs(%e32 : tensor<1x8x4xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  } -> tensor<1x8x4xf32>
  %fc1 = fptq.linear %y, %w layer("fc1") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<1x8x4xf32>, tensor<3x4xf32>) -> tensor<1x8x3xf32>
  return %fc1 : tensor<1x8x3xf32>
}

// -----

// In f16 gamma and beta are extended inside one body and the result truncated at its end.
#row = affine_map<(d0, d1) -> (d0, d1)>
#token = affine_map<(d0, d1) -> (d0)>
#channel = affine_map<(d0, d1) -> (d1)>

// CHECK-LABEL: @half_gamma_and_beta_inside_one_body
// CHECK-DAG: %[[GAMMA:.*]] = arith.constant dense<[7.000000e+00, 7.000000e+00, 4.000000e+00, 5.000000e+00]> : tensor<4xf16>
// CHECK-DAG: %[[BETA:.*]] = arith.constant dense<[1.000000e+00, 5.000000e-01, -2.000000e+00, 0.000000e+00]> : tensor<4xf16>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}}, %[[GAMMA]], %[[BETA]] :
// REMARK: Remark="layer 'fc1': 1/s is folded into 'gamma', 'beta'", folded=true, layer=fc1, note="'gamma' is rounded to f16 once more"
// FUSED: Remark="layer 'fc1': 1/s is folded into
func.func @half_gamma_and_beta_inside_one_body(%x: tensor<?x4xf16>, %r: tensor<?xf32>, %e: tensor<?x4xf16>)
    -> tensor<?x3xf16> {
  %gamma = arith.constant {fptq.name = "gamma"} dense<[7.0, 14.0, 14.0, 5.0]> : tensor<4xf16>
  %beta = arith.constant {fptq.name = "beta"} dense<[1.0, 1.0, -7.0, 0.0]> : tensor<4xf16>
  %w = arith.constant dense<0.5> : tensor<3x4xf16>
  %y = linalg.generic {indexing_maps = [#row, #token, #channel, #channel, #row],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x, %r, %gamma, %beta : tensor<?x4xf16>, tensor<?xf32>, tensor<4xf16>, tensor<4xf16>)
      outs(%e : tensor<?x4xf16>) {
  ^bb0(%a: f16, %b: f32, %g: f16, %h: f16, %o: f16):
    %a32 = arith.extf %a : f16 to f32
    %n = arith.mulf %a32, %b : f32
    %g32 = arith.extf %g : f16 to f32
    %s = arith.mulf %n, %g32 : f32
    %h32 = arith.extf %h : f16 to f32
    %t = arith.addf %s, %h32 : f32
    %y16 = arith.truncf %t : f32 to f16
    linalg.yield %y16 : f16
  } -> tensor<?x4xf16>
  %fc1 = fptq.linear %y, %w layer("fc1") {
    channel_absmax = dense<[2.0, 6.0, 14.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<?x4xf16>, tensor<3x4xf16>) -> tensor<?x3xf16>
  return %fc1 : tensor<?x3xf16>
}
