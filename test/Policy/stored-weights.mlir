// A weight that came as codes keeps them: never equalized, quantized anew only where a rule names a method.
// RUN: split-file %s %t
// RUN: fptq-opt --fptq-choose-policy %t/model.mlir | FileCheck %t/model.mlir
// RUN: fptq-opt --fptq-choose-policy="recipe=%t/anew.yaml" %t/model.mlir | FileCheck %s --check-prefix=ANEW
// ANEW: policy<equalized{{.*}}group_size = 2, symmetric = true, method = mse>
// RUN: not fptq-opt --fptq-choose-policy="recipe=%t/group.yaml" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=GROUP
// GROUP: layer 'q' came with codes of 4 bits in groups of 4; to quantize it anew, name a method in its rule
// RUN: not fptq-opt --fptq-choose-policy="policy=equalized" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=EQUALIZED
// EQUALIZED: layer 'q' cannot be equalized: it came with codes, which take no scales
// RUN: not fptq-opt --fptq-choose-policy="method=stored" %t/model.mlir 2>&1 | FileCheck %s --check-prefix=METHOD
// METHOD: option method='stored' is not one of rtn, mse

//--- model.mlir
func.func @f(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %codes = arith.constant dense<[[16, 50], [84, -104]]> : tensor<2x2xi8>
  %scales = arith.constant dense<1.0> : tensor<2x1xf32>
  %w = fptq.dequantize %codes, %scales bits(4) group_size(4) : (tensor<2x2xi8>, tensor<2x1xf32>) -> tensor<2x4xf32>
  // CHECK: policy = #fptq.policy<per_token, "v0 = 15 < v = 20 < v1 = 150; per token, because it came with codes, which take no scales">
  // CHECK-SAME: scheme = #fptq.scheme<group, group_size = 4, symmetric = true, method = stored>
  %0 = fptq.linear %x, %w layer("q") {range = #fptq.range<min = -1.0, max = 20.0, absmax = 20.0, tokens = 1>, channel_absmax = dense<1.0> : tensor<4xf32>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

//--- anew.yaml
version: 1
rules:
  - match: q
    method: mse
    group_size: 2

//--- group.yaml
version: 1
rules:
  - match: q
    group_size: 2
