// What !quant types cannot say, each with the layer's name.
// RUN: fptq-opt %s --fptq-export-quant -split-input-file -verify-diagnostics

func.func @offsets() -> tensor<2x4xf32> {
  %c = arith.constant {fptq.name = "a.codes"} dense<1> : tensor<2x2xi8>
  %s = arith.constant dense<0.5> : tensor<2x2xf16>
  // expected-error @below {{cannot be written with !quant types (layer 'a'): it has float offsets}}
  %w = fptq.dequantize %c, %s offsets(%s) bits(4) group_size(2) : (tensor<2x2xi8>, tensor<2x2xf16>, tensor<2x2xf16>) -> tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// -----

func.func @negative_scale() -> tensor<2x4xf32> {
  %c = arith.constant {fptq.name = "a.codes"} dense<1> : tensor<2x4xi8>
  %s = arith.constant dense<-0.5> : tensor<2x2xf16>
  // expected-error @below {{cannot be written with !quant types (layer 'a'): scale -5.000000e-01 is not positive}}
  %w = fptq.dequantize %c, %s bits(8) group_size(2) : (tensor<2x4xi8>, tensor<2x2xf16>) -> tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// -----

func.func @no_scale() -> tensor<2x4xf32> {
  %c = arith.constant {fptq.name = "a.codes"} dense<1> : tensor<2x2xi8>
  %s = arith.constant dense<0.0> : tensor<2x2xf16>
  // expected-error @below {{cannot be written with !quant types (layer 'a'): scale 0.000000e+00 is not positive}}
  %w = fptq.dequantize %c, %s bits(4) group_size(2) : (tensor<2x2xi8>, tensor<2x2xf16>) -> tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// -----

// What GPTQ's files may hold, whose zero points are stored less one. The first scale is negative: its group is mirrored.
func.func @zero_point() -> tensor<2x4xf32> {
  %c = arith.constant {fptq.name = "a.codes"} dense<1> : tensor<2x2xi8>
  %s = arith.constant dense<[[-0.5, 0.5], [0.5, 0.5]]> : tensor<2x2xf16>
  %z = arith.constant dense<[[8, 15], [0, 16]]> : tensor<2x2xi8>
  // expected-error @below {{cannot be written with !quant types (layer 'a'): zero point 16 is outside of 0 to 15}}
  %w = fptq.dequantize %c, %s zeros(%z) bits(4) group_size(2) : (tensor<2x2xi8>, tensor<2x2xf16>, tensor<2x2xi8>) -> tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// -----

func.func @per_token(%x: tensor<3x4xf32>, %y: tensor<3x2xf32>, %q0: tensor<3x4xi8>, %s0: tensor<3xf32>, %t0: tensor<3x1xi32>) -> tensor<3x2xf32> {
  %q, %s, %t = fptq.quantize_activations group_size(4) padded_group_size(4) ins(%x : tensor<3x4xf32>)
    outs(%q0, %s0, %t0 : tensor<3x4xi8>, tensor<3xf32>, tensor<3x1xi32>) -> tensor<3x4xi8>, tensor<3xf32>, tensor<3x1xi32>
  %c = arith.constant dense<1> : tensor<2x2xi8>
  %ws = arith.constant dense<0.5> : tensor<2x1xf32>
  // expected-error @below {{(layer 'c'): its activation scales exist only at run time}}
  %r = fptq.quantized_matmul <group, group_size = 0, symmetric = true, method = rtn> layer("c")
    ins(%q, %s, %t : tensor<3x4xi8>, tensor<3xf32>, tensor<3x1xi32>) weights(%c, %ws : tensor<2x2xi8>, tensor<2x1xf32>)
    outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// -----

func.func @ragged(%x: tensor<3x3xf32>, %y: tensor<3x2xf32>, %q0: tensor<3x4xi8>, %s0: tensor<3xf32>, %t0: tensor<3x2xi32>) -> tensor<3x2xf32> {
  %scale = arith.constant 0.25 : f32
  %q, %s, %t = fptq.quantize_activations group_size(2) padded_group_size(2) ins(%x : tensor<3x3xf32>) static_scale(%scale)
    outs(%q0, %s0, %t0 : tensor<3x4xi8>, tensor<3xf32>, tensor<3x2xi32>) -> tensor<3x4xi8>, tensor<3xf32>, tensor<3x2xi32>
  %c = arith.constant dense<1> : tensor<2x2xi8>
  %ws = arith.constant dense<0.5> : tensor<2x2xf32>
  // expected-error @below {{(layer 'd'): its last group is ragged: K = 3, groups of 2}}
  %r = fptq.quantized_matmul <group, group_size = 2, symmetric = true, method = rtn> layer("d")
    ins(%q, %s, %t : tensor<3x4xi8>, tensor<3xf32>, tensor<3x2xi32>) weights(%c, %ws : tensor<2x2xi8>, tensor<2x2xf32>)
    outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// -----

func.func @two_level(%x: tensor<3x4xf32>, %y: tensor<3x2xf32>, %q0: tensor<3x4xi8>, %s0: tensor<3xf32>, %t0: tensor<3x2xi32>) -> tensor<3x2xf32> {
  %q, %s, %t = fptq.quantize_activations group_size(2) padded_group_size(2) ins(%x : tensor<3x4xf32>)
    outs(%q0, %s0, %t0 : tensor<3x4xi8>, tensor<3xf32>, tensor<3x2xi32>) -> tensor<3x4xi8>, tensor<3xf32>, tensor<3x2xi32>
  %c = arith.constant dense<1> : tensor<2x2xi8>
  %ws = arith.constant dense<0.5> : tensor<2xf32>
  // expected-error @below {{(layer 'e'): its scheme is two_level}}
  %r = fptq.quantized_matmul <two_level, group_size = 2, symmetric = false, method = rtn> layer("e")
    ins(%q, %s, %t : tensor<3x4xi8>, tensor<3xf32>, tensor<3x2xi32>) weights(%c, %ws : tensor<2x2xi8>, tensor<2xf32>)
    zeros(%c : tensor<2x2xi8>) multipliers(%c : tensor<2x2xi8>) outs(%y : tensor<3x2xf32>) -> tensor<3x2xf32>
  return %r : tensor<3x2xf32>
}

// -----

func.func @lookup(%ids: tensor<3xindex>, %e: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %c = arith.constant dense<1> : tensor<2x2xi8>
  %s = arith.constant dense<0.5> : tensor<2x2xf32>
  // expected-error @below {{cannot be written with !quant types, which dequantize whole tables and no single rows (layer 'e.lookup')}}
  %r = fptq.quantized_lookup <group, group_size = 2, symmetric = true, method = rtn> layer("e.lookup") ins(%ids : tensor<3xindex>)
    weights(%c, %s : tensor<2x2xi8>, tensor<2x2xf32>) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  return %r : tensor<3x4xf32>
}
