// Our codes with upstream's types, and back: imported again they are the same.
// RUN: fptq-opt %s --fptq-export-quant | FileCheck %s
// RUN: fptq-opt %s --fptq-export-quant --fptq-import-quant | FileCheck %s --check-prefix=BACK
// RUN: fptq-opt %s --fptq-export-quant | fptq-opt --fptq-import-quant | FileCheck %s --check-prefix=BACK

// Several groups: sub-channel; symmetric codes are i4.
// CHECK-LABEL: @symmetric
// CHECK: %[[C:.*]] = arith.constant {{.*}}dense<{{\[}}[1, 3, -1, 1], [0, -8, -1, 7]]> : tensor<2x4xi4>
// CHECK: quant.scast %[[C]] : tensor<2x4xi4> to tensor<2x4x!quant.uniform<i4:f32:{0:1, 1:2}, {{[{][{]}}5.000000e-01, 2.500000e-01}, {1.000000e+00, 2.000000e+00}}>>
// CHECK: quant.dcast
// BACK-LABEL: @symmetric
// BACK-DAG: dense<{{\[}}[-71, -105], [8, -9]]> : tensor<2x2xi8>
// BACK-DAG: dense<{{\[}}[5.000000e-01, 2.500000e-01], [1.000000e+00, 2.000000e+00]]> : tensor<2x2xf32>
// BACK: fptq.dequantize {{.*}} bits(4) group_size(2)
func.func @symmetric() -> tensor<2x4xf32> {
  %c = arith.constant {fptq.name = "a.codes"} dense<[[-71, -105], [8, -9]]> : tensor<2x2xi8>
  %s = arith.constant dense<[[0.5, 0.25], [1.0, 2.0]]> : tensor<2x2xf16>
  %w = fptq.dequantize %c, %s bits(4) group_size(2) : (tensor<2x2xi8>, tensor<2x2xf16>) -> tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// A group with a negative scale is mirrored, and says so by its zero point: s (q - 8) = -s ((15 - q) - 7).
// CHECK-LABEL: @negative_scale
// CHECK: dense<{{\[}}[-7, -5, -1, 6], [-8, 0, -2, -8]]> : tensor<2x4xi4>
// CHECK: !quant.uniform<u4:f32:{0:1, 1:2}, {{[{][{]}}5.000000e-01:-8, 2.500000e-01:7}, {1.000000e+00:-8, 2.000000e+00:7}}>>
// BACK-LABEL: @negative_scale
// BACK-DAG: dense<{{\[}}[-71, 111], [8, -114]]> : tensor<2x2xi8>
// BACK-DAG: dense<{{\[}}[8, 7], [8, 7]]> : tensor<2x2xi8>
// BACK: zeros({{.*}}) bits(4) group_size(2)
func.func @negative_scale() -> tensor<2x4xf32> {
  %c = arith.constant {fptq.name = "n.codes"} dense<[[-71, -112], [8, 113]]> : tensor<2x2xi8>
  %s = arith.constant dense<[[0.5, -0.25], [1.0, -2.0]]> : tensor<2x2xf32>
  %w = fptq.dequantize %c, %s bits(4) group_size(2) : (tensor<2x2xi8>, tensor<2x2xf32>) -> tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// One group: per axis; zero points need unsigned storage.
// CHECK-LABEL: @asymmetric
// CHECK: dense<{{\[}}[-7, -5, 7, -7], [-8, 0, 7, -1]]> : tensor<2x4xi4>
// CHECK: to tensor<2x4x!quant.uniform<u4:f32:0, {5.000000e-01:3,1.000000e+00:15}>>
// BACK-LABEL: @asymmetric
// BACK-DAG: dense<{{\[}}[-71, -105], [8, -9]]> : tensor<2x2xi8>
// BACK-DAG: dense<{{\[}}[3], [15]]> : tensor<2x1xi8>
// BACK: zeros({{.*}}) bits(4) group_size(4)
func.func @asymmetric() -> tensor<2x4xf32> {
  %c = arith.constant {fptq.name = "b.codes"} dense<[[-71, -105], [8, -9]]> : tensor<2x2xi8>
  %s = arith.constant dense<[[0.5], [1.0]]> : tensor<2x1xf32>
  %z = arith.constant dense<[[3], [15]]> : tensor<2x1xi8>
  %w = fptq.dequantize %c, %s zeros(%z) bits(4) group_size(4) : (tensor<2x2xi8>, tensor<2x1xf32>, tensor<2x1xi8>) -> tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// An epilogue's activation and multiplicand become elementwise operations again.
// CHECK-LABEL: @activated
// CHECK: linalg.matmul
// CHECK: math.erf
// CHECK: linalg.generic
// CHECK: arith.mulf
// CHECK-NOT: quantize_activations
func.func @activated(%x: tensor<?x4xf32>, %u: tensor<?x2xf32>, %q0: tensor<?x4xi8>, %s0: tensor<?xf32>, %t0: tensor<?x2xi32>) -> tensor<?x2xf32> {
  %scale = arith.constant 0.25 : f32
  %q, %s, %t = fptq.quantize_activations group_size(2) padded_group_size(2) ins(%x : tensor<?x4xf32>)
    static_scale(%scale) outs(%q0, %s0, %t0 : tensor<?x4xi8>, tensor<?xf32>, tensor<?x2xi32>)
    -> tensor<?x4xi8>, tensor<?xf32>, tensor<?x2xi32>
  %c = arith.constant dense<[[-71, -105], [8, -9]]> : tensor<2x2xi8>
  %ws = arith.constant dense<[[0.5, 0.25], [1.0, 2.0]]> : tensor<2x2xf32>
  %y = fptq.quantized_matmul <group, group_size = 2, symmetric = true, method = rtn> layer("g")
    ins(%q, %s, %t : tensor<?x4xi8>, tensor<?xf32>, tensor<?x2xi32>) weights(%c, %ws : tensor<2x2xi8>, tensor<2x2xf32>)
    activation <gelu> multiplicand(%u : tensor<?x2xf32>) outs(%u : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// A static layer: casts around its scale, the multiplier before, bias and residual after.
// CHECK-LABEL: @static
// CHECK: %[[M:.*]] = fptq.scale_channels %arg0
// CHECK: %[[Q:.*]] = quant.qcast %[[M]] : tensor<?x4xf32> to tensor<?x4x!quant.uniform<i8<-127:127>:f32, 2.500000e-01>>
// CHECK: %[[X:.*]] = quant.dcast %[[Q]]
// CHECK: %[[W:.*]] = quant.dcast
// CHECK: %[[Y:.*]] = linalg.matmul {{.*}}ins(%[[X]], %[[W]]
// CHECK: linalg.generic {{.*}}ins(%[[Y]], %{{.*}} : tensor<?x2xf32>, tensor<2xf32>)
// CHECK: linalg.generic {{.*}}, %arg1 : tensor<?x2xf32>, tensor<?x2xf32>)
// CHECK-NOT: quantize_activations
func.func @static(%x: tensor<?x4xf32>, %r: tensor<?x2xf32>, %q0: tensor<?x4xi8>, %s0: tensor<?xf32>, %t0: tensor<?x2xi32>) -> tensor<?x2xf32> {
  %scale = arith.constant 0.25 : f32
  %m = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %q, %s, %t = fptq.quantize_activations group_size(2) padded_group_size(2) ins(%x : tensor<?x4xf32>)
    multiplier(%m : tensor<4xf32>) static_scale(%scale) outs(%q0, %s0, %t0 : tensor<?x4xi8>, tensor<?xf32>, tensor<?x2xi32>)
    -> tensor<?x4xi8>, tensor<?xf32>, tensor<?x2xi32>
  %c = arith.constant dense<[[-71, -105], [8, -9]]> : tensor<2x2xi8>
  %ws = arith.constant dense<[[0.5, 0.25], [1.0, 2.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = fptq.quantized_matmul <group, group_size = 2, symmetric = true, method = rtn> layer("c")
    ins(%q, %s, %t : tensor<?x4xi8>, tensor<?xf32>, tensor<?x2xi32>) weights(%c, %ws : tensor<2x2xi8>, tensor<2x2xf32>)
    bias(%b : tensor<2xf32>) residual(%r : tensor<?x2xf32>) outs(%r : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
