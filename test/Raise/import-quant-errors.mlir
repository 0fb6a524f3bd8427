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

// The product of its sizes wraps round to -2.
func.func @larger_than_memory(%x: tensor<3x9223372036854775807xf32>, %y: tensor<3x2xf32>) -> tensor<3x2xf32> {
  // expected-error @below {{its codes have an open size, or one larger than any memory (weight 'wide')}}
  %c = arith.constant dense_resource<wide> : tensor<9223372036854775807x2xi4>
  %q = quant.scast %c : tensor<9223372036854775807x2xi4> to tensor<9223372036854775807x2x!quant.uniform<i4:f32, 0.5>>
  %f = quant.dcast %q : tensor<9223372036854775807x2x!quant.uniform<i4:f32, 0.5>> to tensor<9223372036854775807x2xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x9223372036854775807xf32>, tensor<9223372036854775807x2xf32>)
      outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}
{-# dialect_resources: { builtin: { wide: "0x0100000001" } } #-}

// -----

// Terabytes of which one byte is there: said before memory is asked for.
func.func @few_bytes_of_many(%x: tensor<3x65536xf32>, %y: tensor<3x16777216xf32>) -> tensor<3x16777216xf32> {
  // expected-error @below {{resource 'many' has 1 bytes, too few or too many for 1099511627776 integers of 4 bits (weight 'many')}}
  %c = arith.constant dense_resource<many> : tensor<65536x16777216xi4>
  %q = quant.scast %c : tensor<65536x16777216xi4> to tensor<65536x16777216x!quant.uniform<i4:f32, 0.5>>
  %f = quant.dcast %q : tensor<65536x16777216x!quant.uniform<i4:f32, 0.5>> to tensor<65536x16777216xf32>
  %r = linalg.matmul ins(%x, %f : tensor<3x65536xf32>, tensor<65536x16777216xf32>)
      outs(%y : tensor<3x16777216xf32>) -> tensor<3x16777216xf32>
  return %r : tensor<3x16777216xf32>
}
{-# dialect_resources: { builtin: { many: "0x0100000001" } } #-}

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
