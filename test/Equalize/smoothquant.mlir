// SmoothQuant looks at the weights of all consumers; min-scale bounds either formula from below.
// RUN: fptq-opt %s --fptq-equalize=formula=smoothquant | FileCheck %s
// RUN: fptq-opt %s --fptq-equalize="formula=smoothquant alpha=1" | FileCheck %s --check-prefix=ALPHA
// RUN: fptq-opt %s --fptq-equalize="formula=smoothquant min-scale=3" | FileCheck %s --check-prefix=MIN
// RUN: fptq-opt %s --fptq-equalize=min-scale=2 | FileCheck %s --check-prefix=LAE
// A second run finds nothing left to do.
// RUN: fptq-opt %s --fptq-equalize=formula=smoothquant --fptq-equalize=formula=lae | FileCheck %s

// Column maxima over both weights are 4, 1, 0.25, 1; activations 4, 16, 4, 0.
// sqrt(4/4), sqrt(16/1), sqrt(4/0.25), and 1 for the dead channel:
// CHECK: arith.constant dense<[1.000000e+00, 4.000000e+00, 4.000000e+00, 1.000000e+00]> : tensor<4xf32>
// CHECK: channel_absmax = dense<[4.000000e+00, 4.000000e+00, 1.000000e+00, 0.000000e+00]>
// The observer had clipped at 3, and min(m, 3) / s is at most 3.
// CHECK-SAME: range = #fptq.range<min = -4.000000e+00, max = 4.000000e+00, absmax = 3.000000e+00, tokens = 2>
// ALPHA: arith.constant dense<[4.000000e+00, 1.600000e+01, 4.000000e+00, 1.000000e+00]> : tensor<4xf32>
// ALPHA: range = #fptq.range<min = -1.000000e+00, max = 1.000000e+00, absmax = 7.500000e-01, tokens = 2>
// MIN: arith.constant dense<[3.000000e+00, 4.000000e+00, 4.000000e+00, 1.000000e+00]> : tensor<4xf32>
// 4/log2(6) = 1.547 is raised, 16/log2(18) = 3.837 stays.
// LAE: arith.constant dense<[2.000000e+00, 3.83699{{[0-9]+}}, 2.000000e+00, 1.000000e+00]> : tensor<4xf32>
func.func @weights_of_both_consumers(%n: tensor<2x4xf32>, %e: tensor<2x4xf32>) -> (tensor<2x1xf32>, tensor<2x2xf32>) {
  %gamma = arith.constant dense<2.0> : tensor<2x4xf32>
  %wq = arith.constant dense<[[4.0, -0.5, 0.25, 1.0]]> : tensor<1x4xf32>
  %wk = arith.constant dense<[[2.0, 1.0, -0.125, 0.5], [-1.0, 0.25, 0.125, -0.5]]> : tensor<2x4xf16>
  %y = linalg.mul ins(%n, %gamma : tensor<2x4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4xf32>) -> tensor<2x4xf32>
  %q = fptq.linear %y, %wq layer("q") {
    channel_absmax = dense<[4.0, 16.0, 4.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">,
    range = #fptq.range<min = -16.0, max = 9.0, absmax = 3.0, tokens = 2>
  } : (tensor<2x4xf32>, tensor<1x4xf32>) -> tensor<2x1xf32>
  %k = fptq.linear %y, %wk layer("k") {
    channel_absmax = dense<[4.0, 16.0, 4.0, 0.0]> : tensor<4xf32>, policy = #fptq.policy<equalized, "test">
  } : (tensor<2x4xf32>, tensor<2x4xf16>) -> tensor<2x2xf32>
  return %q, %k : tensor<2x1xf32>, tensor<2x2xf32>
}
