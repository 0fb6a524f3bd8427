// RUN: fptq-opt %s --split-input-file --fptq-equalize --verify-diagnostics
// RUN: not fptq-opt %s --fptq-equalize=formula=log 2>&1 | FileCheck %s --check-prefix=FORMULA
// RUN: not fptq-opt %s --fptq-equalize=alpha=1.5 2>&1 | FileCheck %s --check-prefix=ALPHA
// RUN: not fptq-opt %s --fptq-equalize=min-scale=-1 2>&1 | FileCheck %s --check-prefix=MIN
// RUN: not fptq-opt %s --split-input-file --fptq-equalize=strict=false --remarks-filter=Equalize 2>&1 \
// RUN:   | FileCheck %s --check-prefix=LENIENT
// FORMULA: error: fptq-equalize: option formula='log' is not one of lae, smoothquant
// ALPHA: error: fptq-equalize: option alpha=1.50 is not between 0 and 1
// MIN: error: fptq-equalize: option min-scale=-1.00 is not a number of at least 0

// LENIENT: [Missed] NotEqualized{{.*}}Reason="its profile has no channel maxima", Remark="layer 'q' is not equalized"
func.func @no_channel_maxima(%x: tensor<2x4xf32>, %w: tensor<4x4xf32>) -> tensor<2x4xf32> {
  // expected-error@+1 {{layer 'q' is to be equalized but has no channel_absmax: its profile has no channel maxima}}
  %q = fptq.linear %x, %w layer("q") {policy = #fptq.policy<equalized, "test">}
    : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  return %q : tensor<2x4xf32>
}

// -----

func.func @gamma_is_nan(%n: tensor<2x2xf32>, %e: tensor<2x2xf32>) -> tensor<2x2xf32> {
  // expected-error@+1 {{layer 'q'}}
  %gamma = arith.constant dense<[[1.0, 0x7FC00000], [1.0, 1.0]]> : tensor<2x2xf32>
  %w = arith.constant dense<0.5> : tensor<2x2xf32>
  %y = linalg.mul ins(%n, %gamma : tensor<2x2xf32>, tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
  %q = fptq.linear %y, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0]> : tensor<2xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %q : tensor<2x2xf32>
}

// -----

// Layers of one name share one weight, so they cannot differ in width.
func.func @prefill(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %w = arith.constant dense<0.5> : tensor<2x2xf32>
  %q = fptq.linear %x, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0]> : tensor<2xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %q : tensor<2x2xf32>
}
func.func @decode(%x: tensor<1x3xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<0.5> : tensor<2x3xf32>
  // expected-error@+1 {{layer 'q' has 3 input channels here and 2 elsewhere}}
  %q = fptq.linear %x, %w layer("q") {
    channel_absmax = dense<[2.0, 6.0, 1.0]> : tensor<3xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<1x3xf32>, tensor<2x3xf32>) -> tensor<1x2xf32>
  return %q : tensor<1x2xf32>
}
