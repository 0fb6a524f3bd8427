// RUN: fptq-opt --fptq-quantize-weights --split-input-file --verify-diagnostics %s
// Constants that no layer to be quantized reads are looked at too: they stay float, and a NaN in one spreads.

// What models mask and compare with.
func.func @masks(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, f32) {
  %mask = arith.constant dense<[0.0, 0xFF800000, 0.0, 0xFF800000]> : tensor<4xf32>
  %splat = arith.constant dense<0x7FC00000> : tensor<4xf32>
  %scalar = arith.constant 0x7F800000 : f32
  %y = arith.addf %x, %mask : tensor<4xf32>
  return %y, %splat, %scalar : tensor<4xf32>, tensor<4xf32>, f32
}

// -----

func.func @norm(%x: tensor<4xbf16>) -> tensor<4xbf16> {
  // expected-error @+1 {{constant 'model.norm.weight' of type 'tensor<4xbf16>' holds NaN at [2]}}
  %gamma = arith.constant {fptq.name = "model.norm.weight"} dense<[1.0, 2.0, 0x7FC1, 1.0]> : tensor<4xbf16>
  %y = arith.mulf %x, %gamma : tensor<4xbf16>
  return %y : tensor<4xbf16>
}

// -----

// A resource; infinity is what an overflow on the way to f16 leaves.
func.func @table(%x: tensor<2x2xf16>) -> tensor<2x2xf16> {
  // expected-error @+1 {{constant 'wpe' of type 'tensor<2x2xf16>' holds infinity at [1, 0]}}
  %table = arith.constant dense_resource<wpe> : tensor<2x2xf16>
  %y = arith.addf %x, %table : tensor<2x2xf16>
  return %y : tensor<2x2xf16>
}
{-# dialect_resources: { builtin: { wpe: "0x0200000000FC003C007C003C" } } #-}

// -----

// expected-error @+1 {{constant 'ln.bias' of type 'tensor<2xf64>' holds NaN at [1]}}
ml_program.global private @ln.bias(dense<[1.0, 0x7FF8000000000000]> : tensor<2xf64>) : tensor<2xf64>
func.func @global(%x: tensor<2xf64>) -> tensor<2xf64> {
  %b = ml_program.global_load_const @ln.bias : tensor<2xf64>
  %y = arith.addf %x, %b : tensor<2xf64>
  return %y : tensor<2xf64>
}

// -----

// A layer that stays float by its policy.
func.func @head(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  // expected-error @+1 {{a constant of type 'tensor<2x2xf32>' holds NaN at [0, 1]}}
  %w = arith.constant dense<[[1.0, 0x7FC00000], [1.0, 1.0]]> : tensor<2x2xf32>
  %y = fptq.linear %x, %w layer("lm_head") {policy = #fptq.policy<float, "keep-float">} : (tensor<4x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// A resource that is longer than its type: there is no element that could be named.
func.func @empty(%x: tensor<0xf16>) -> tensor<0xf16> {
  // expected-error @+1 {{constant 'w' of type 'tensor<0xf16>' has 2 bytes, expected 0}}
  %t = arith.constant dense_resource<w> : tensor<0xf16>
  %y = arith.addf %x, %t : tensor<0xf16>
  return %y : tensor<0xf16>
}
{-# dialect_resources: { builtin: { w: "0x02000000007C" } } #-}
