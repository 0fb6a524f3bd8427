// Errors that do not depend on strictness.
// RUN: fptq-opt %s --fptq-import-quant=strict=false -split-input-file -verify-diagnostics

func.func @too_few_bytes(%x: tensor<3x4xf32>, %y: tensor<3x1xf32>) -> tensor<3x1xf32> {
  // expected-error @below {{resource 'short' has 3 bytes, too few or too many for 4 integers of 8 bits (weight 'short')}}
  %c = arith.constant dense_resource<short> : tensor<4x1xi8>
  %q = quant.scast %c : tensor<4x1xi8> to tensor<4x1x!quant.uniform<i8:f32, 0.5>>
  %f = quant.dcast %q : tensor<4x1x!quant.uniform<i8:f32, 0.5>> to tensor<4x1xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}
{-# dialect_resources: { builtin: { short: "0x01000000010203" } } #-}

// -----

func.func @nan_scale(%x: tensor<3x4xf32>, %y: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %c = arith.constant {fptq.name = "layer.w"} dense<1> : tensor<4x1xi8>
  // expected-error @below {{weight holds NaN at row 0, column 0 (layer 'layer.w')}}
  %s = arith.constant dense<0x7FC00000> : tensor<1xf32>
  %i = tensor.empty() : tensor<4x1xf32>
  %f = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>, affine_map<(a, b) -> (b)>, affine_map<(a, b) -> (a, b)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%c, %s : tensor<4x1xi8>, tensor<1xf32>) outs(%i : tensor<4x1xf32>) {
  ^bb0(%a: i8, %b: f32, %o: f32):
    %0 = arith.sitofp %a : i8 to f32
    %1 = arith.mulf %0, %b : f32
    linalg.yield %1 : f32
  } -> tensor<4x1xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x4xf32>, tensor<4x1xf32>) outs(%y : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %r : tensor<3x1xf32>
}

// -----

func.func @activation_per_axis(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %q = quant.qcast %x : tensor<3x4xf32> to tensor<3x4x!quant.uniform<i8:f32:0, {0.5, 0.25, 1.0}>>
  // expected-error @below {{'quant.dcast' op is no quantization of an activation with one scale for the whole tensor}}
  %f = quant.dcast %q : tensor<3x4x!quant.uniform<i8:f32:0, {0.5, 0.25, 1.0}>> to tensor<3x4xf32>
  return %f : tensor<3x4xf32>
}
