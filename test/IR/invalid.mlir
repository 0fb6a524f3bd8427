// One negative test a label of the op descriptions.
// RUN: fptq-opt --split-input-file --verify-diagnostics %s

func.func @L1_input_channels(%x: tensor<3x5xf32>, %w: tensor<2x4xf32>) {
  // expected-error@+1 {{(L1) input channels of x (5) and of weight (4) differ (layer 'a')}}
  %0 = fptq.linear %x, %w layer("a") : (tensor<3x5xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @L2_result_shape(%x: tensor<3x4xf32>, %w: tensor<2x4xf32>) {
  // expected-error@+1 {{(L2) result is 3 x 7, expected 3 x 2 (layer 'a')}}
  %0 = fptq.linear %x, %w layer("a") : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x7xf32>
  return
}

// -----

func.func @L3_bias(%x: tensor<3x4xf32>, %w: tensor<2x4xf32>, %b: tensor<4xf32>) {
  // expected-error@+1 {{(L3) bias is 4, expected 2 (layer 'a')}}
  %0 = fptq.linear %x, %w bias(%b) layer("a") : (tensor<3x4xf32>, tensor<2x4xf32>, tensor<4xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @L4_channel_absmax_count(%x: tensor<3x4xf32>, %w: tensor<2x4xf32>) {
  // expected-error@+1 {{(L4) channel_absmax has 3 elements, expected 4 (layer 'a')}}
  %0 = fptq.linear %x, %w layer("a") {channel_absmax = dense<1.0> : tensor<3xf32>} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @L4_channel_absmax_negative(%x: tensor<3x2xf32>, %w: tensor<2x2xf32>) {
  // expected-error@+1 {{(L4) channel_absmax of channel 1 is}}
  %0 = fptq.linear %x, %w layer("a") {channel_absmax = dense<[1.0, -2.0]> : tensor<2xf32>} : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @L5_no_rows(%x: tensor<3x4xf32>, %w: tensor<0x4xf32>) {
  // expected-error@+1 {{(L5) weight is 0 x 4, expected rows and columns (layer 'a')}}
  %0 = fptq.linear %x, %w layer("a") : (tensor<3x4xf32>, tensor<0x4xf32>) -> tensor<3x0xf32>
  return
}

// -----

func.func @L5_no_channels(%x: tensor<3x0xf32>, %w: tensor<2x0xf32>) {
  // expected-error@+1 {{(L5) weight is 2 x 0, expected rows and columns (layer 'a')}}
  %0 = fptq.linear %x, %w layer("a") : (tensor<3x0xf32>, tensor<2x0xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @OB1_scalar(%x: tensor<f32>) {
  // expected-error@+1 {{(OB1) x is a scalar, expected rows of channels (layer 'a')}}
  fptq.observe %x layer("a") : tensor<f32>
  return
}

// -----

func.func @SC1_dim(%x: tensor<3x4xf32>, %s: tensor<4xf32>) {
  // expected-error@+1 {{(SC1) dim 2 is outside rank 2}}
  %0 = fptq.scale_channels %x, %s dim(2) : tensor<3x4xf32>, tensor<4xf32>
  return
}

// -----

func.func @SC2_scales(%x: tensor<3x4xf32>, %s: tensor<3xf32>) {
  // expected-error@+1 {{(SC2) scales is 3, expected 4}}
  %0 = fptq.scale_channels %x, %s dim(1) : tensor<3x4xf32>, tensor<3xf32>
  return
}

// -----

func.func @QA1_codes_shape(%x: tensor<3x8xf32>, %q: tensor<3x9xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) {
  // expected-error@+1 {{(QA1) q is 3 x 9, expected 3 x 8}}
  %0:3 = fptq.quantize_activations group_size(4) padded_group_size(4) ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x9xi8>, tensor<3xf32>, tensor<3x2xi32>) -> tensor<3x9xi8>, tensor<3xf32>, tensor<3x2xi32>
  return
}

// -----

func.func @QA2_padding(%x: tensor<3x8xf32>, %q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) {
  // expected-error@+1 {{(QA2) padded group size 3 is below the group size 4}}
  %0:3 = fptq.quantize_activations group_size(4) padded_group_size(3) ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>
  return
}

// -----

func.func @QA2_no_channels(%x: tensor<3x0xf32>, %q: tensor<3x0xi8>, %s: tensor<3xf32>, %t: tensor<3x1xi32>) {
  // expected-error@+1 {{(QA2) has no channels}}
  %0:3 = fptq.quantize_activations group_size(0) padded_group_size(0) ins(%x : tensor<3x0xf32>)
    outs(%q, %s, %t : tensor<3x0xi8>, tensor<3xf32>, tensor<3x1xi32>) -> tensor<3x0xi8>, tensor<3xf32>, tensor<3x1xi32>
  return
}

// -----

func.func @QA3_multiplier(%x: tensor<3x8xf32>, %m: tensor<7xf32>, %q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) {
  // expected-error@+1 {{(QA3) multiplier is 7, expected 8}}
  %0:3 = fptq.quantize_activations group_size(4) padded_group_size(4) ins(%x : tensor<3x8xf32>) multiplier(%m : tensor<7xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>
  return
}

// -----

func.func @QR1_number_of_maps(%x: tensor<3x8xf32>, %q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) {
  // expected-error@+1 {{(QR1) has 2 maps for 1 inputs}}
  %0:3 = fptq.quantize_rows channels(8) group_size(4) padded_group_size(4) maps [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (k)>] ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) {
  ^bb0(%e: f32):
    fptq.yield %e : f32
  } -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>
  return
}

// -----

func.func @QR1_rank(%x: tensor<3x8xf32>, %q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) {
  // expected-error@+1 {{(QR1) map affine_map<(d0, d1) -> (d1)> of input 0 is no choice of rows and channels for rank 2}}
  %0:3 = fptq.quantize_rows channels(8) group_size(4) padded_group_size(4) maps [affine_map<(m, k) -> (k)>] ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) {
  ^bb0(%e: f32):
    fptq.yield %e : f32
  } -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>
  return
}

// -----

func.func @QR1_computed_index(%x: tensor<3x8xf32>, %q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) {
  // expected-error@+1 {{(QR1) map affine_map<(d0, d1) -> (d0, d1 + 1)> of input 0 is no choice}}
  %0:3 = fptq.quantize_rows channels(8) group_size(4) padded_group_size(4) maps [affine_map<(m, k) -> (m, k + 1)>] ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) {
  ^bb0(%e: f32):
    fptq.yield %e : f32
  } -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>
  return
}

// -----

func.func @QR2_arguments(%x: tensor<3x8xf32>, %q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) {
  // expected-error@+1 {{(QR2) has a body of 2 arguments for 1 inputs}}
  %0:3 = fptq.quantize_rows channels(8) group_size(4) padded_group_size(4) maps [affine_map<(m, k) -> (m, k)>] ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) {
  ^bb0(%e: f32, %f: f32):
    fptq.yield %e : f32
  } -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>
  return
}

// -----

func.func @QR2_element(%x: tensor<3x8xf32>, %q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) {
  // expected-error@+1 {{(QR2) argument 0 of the body has type 'f16', input 0 has elements of type 'f32'}}
  %0:3 = fptq.quantize_rows channels(8) group_size(4) padded_group_size(4) maps [affine_map<(m, k) -> (m, k)>] ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) {
  ^bb0(%h: f16):
    %e = arith.extf %h : f16 to f32
    fptq.yield %e : f32
  } -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>
  return
}

// -----

func.func @QR3_codes(%x: tensor<3x8xf32>, %q: tensor<3x9xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) {
  // expected-error@+1 {{(QR3) q is 3 x 9, expected 3 x 8}}
  %0:3 = fptq.quantize_rows channels(8) group_size(4) padded_group_size(4) maps [affine_map<(m, k) -> (m, k)>] ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x9xi8>, tensor<3xf32>, tensor<3x2xi32>) {
  ^bb0(%e: f32):
    fptq.yield %e : f32
  } -> tensor<3x9xi8>, tensor<3xf32>, tensor<3x2xi32>
  return
}

// -----

func.func @QR3_padding(%x: tensor<3x8xf32>, %q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) {
  // expected-error@+1 {{(QR3) padded group size 3 is below the group size 4}}
  %0:3 = fptq.quantize_rows channels(8) group_size(4) padded_group_size(3) maps [affine_map<(m, k) -> (m, k)>] ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) {
  ^bb0(%e: f32):
    fptq.yield %e : f32
  } -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>
  return
}

// -----

func.func @QR3_channels(%x: tensor<3x8xf32>, %q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>) {
  // expected-error@+1 {{(QR3) has 0 channels}}
  %0:3 = fptq.quantize_rows channels(0) group_size(4) padded_group_size(4) maps [affine_map<(m, k) -> (m, k)>] ins(%x : tensor<3x8xf32>)
    outs(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) {
  ^bb0(%e: f32):
    fptq.yield %e : f32
  } -> tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>
  return
}

// -----

func.func @QR3_rank(%x: memref<3x8xf32>, %q: memref<i8>, %s: memref<3xf32>, %t: memref<3x2xi32>) {
  // expected-error@+1 {{(QR3) q is a scalar, expected ? x 8}}
  fptq.quantize_rows channels(8) group_size(4) padded_group_size(4) maps [affine_map<(m, k) -> (m, k)>] ins(%x : memref<3x8xf32>)
    outs(%q, %s, %t : memref<i8>, memref<3xf32>, memref<3x2xi32>) {
  ^bb0(%e: f32):
    fptq.yield %e : f32
  }
  return
}

// -----

func.func @QM1_codes(%q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %c: tensor<5x3xi8>, %w: tensor<5x2xf32>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(QM1) codes is 5 x 3, expected 5 x 4 (layer 'a')}}
  %0 = fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<5x3xi8>, tensor<5x2xf32>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @QM2_missing_zeros(%q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %c: tensor<5x4xi8>, %w: tensor<5x2xf32>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(QM2) an asymmetric scheme needs zeros (layer 'a')}}
  %0 = fptq.quantized_matmul <group, group_size = 4, symmetric = false, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<5x4xi8>, tensor<5x2xf32>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @QM2_missing_multipliers(%q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %c: tensor<5x4xi8>, %w: tensor<5xf32>, %z: tensor<5x2xi8>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(QM2) the two_level scheme needs multipliers (layer 'a')}}
  %0 = fptq.quantized_matmul <two_level, group_size = 4, symmetric = false, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<5x4xi8>, tensor<5xf32>) zeros(%z : tensor<5x2xi8>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @QM3_sums(%q: tensor<3x8xi8>, %s: tensor<4xf32>, %t: tensor<3x2xi32>, %c: tensor<5x4xi8>, %w: tensor<5x2xf32>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(QM3) x_scales is 4, expected 3 (layer 'a')}}
  %0 = fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<4xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<5x4xi8>, tensor<5x2xf32>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @QM3_one_group(%q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %c: tensor<5x4xi8>, %w: tensor<5x2xf32>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(QM3) x_sums is 3 x 2, expected 3 x 1 (layer 'a')}}
  %0 = fptq.quantized_matmul <group, group_size = 0, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<5x4xi8>, tensor<5x2xf32>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @QM4_residual(%q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %c: tensor<5x4xi8>, %w: tensor<5x2xf32>, %r: tensor<3x4xf32>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(QM4) residual is 3 x 4, expected 3 x 5 (layer 'a')}}
  %0 = fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<5x4xi8>, tensor<5x2xf32>) residual(%r : tensor<3x4xf32>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @QM5_overflow(%q: tensor<1x65540xi8>, %s: tensor<1xf32>, %t: tensor<1x1xi32>, %c: tensor<1x32770xi8>, %w: tensor<1x1xf32>, %y: tensor<1x1xf32>) {
  // expected-error@+1 {{(QM5) 65540 input channels could overflow int32, at most 65536 (layer 'a')}}
  %0 = fptq.quantized_matmul <group, group_size = 0, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<1x65540xi8>, tensor<1xf32>, tensor<1x1xi32>)
    weights(%c, %w : tensor<1x32770xi8>, tensor<1x1xf32>) outs(%y : tensor<1x1xf32>) -> tensor<1x1xf32>
  return
}

// -----

func.func @PK1_scales(%c: tensor<16x4xi8>, %w: tensor<16x3xf32>) {
  // expected-error@+1 {{(PK1) scales is 16 x 3, expected 16 x 2}}
  %0 = fptq.pack <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) weights(%c, %w : tensor<16x4xi8>, tensor<16x3xf32>) -> tensor<1xi8>
  return
}

// -----

func.func @PK1_rank(%c: tensor<i8>, %w: tensor<16x2xf32>) {
  // expected-error@+1 {{(PK1) codes is a scalar, expected ? x 4}}
  %0 = fptq.pack <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) weights(%c, %w : tensor<i8>, tensor<16x2xf32>) -> tensor<1xi8>
  return
}

// -----

func.func @PK2_bytes(%c: tensor<16x4xi8>, %w: tensor<16x2xf32>) {
  // expected-error@+1 {{(PK2) packed weight has 1 bytes, layout 'x86' needs}}
  %0 = fptq.pack <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) weights(%c, %w : tensor<16x4xi8>, tensor<16x2xf32>) -> tensor<1xi8>
  return
}

// -----

func.func @UP1_results(%p: tensor<1xi8>) {
  // expected-error@+1 {{(UP1) has 1 results, expected 2}}
  %0 = fptq.unpack <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) %p : tensor<1xi8> -> tensor<16x4xi8>
  return
}

// -----

func.func @UP1_elements(%p: tensor<?xi8>) {
  // expected-error@+1 {{(UP1) result 1 has elements of type 'i8', expected f32 or f16}}
  %0:2 = fptq.unpack <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) %p : tensor<?xi8> -> tensor<16x4xi8>, tensor<16x2xi8>
  return
}

// -----

func.func @UP1_rank(%p: tensor<?xi8>) {
  // expected-error@+1 {{(UP1) codes is a scalar, expected ? x 4}}
  %0:2 = fptq.unpack <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) %p : tensor<?xi8> -> tensor<i8>, tensor<16x2xf32>
  return
}

// -----

func.func @PM1_bytes(%q: tensor<3x16xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %p: tensor<7xi8>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(PM1) packed weight has 7 bytes, layout 'x86' needs}}
  %0 = fptq.packed_matmul <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) layer("a")
    ins(%q, %s, %t : tensor<3x16xi8>, tensor<3xf32>, tensor<3x2xi32>) weights(%p : tensor<7xi8>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

// Sizes whose products do not fit 64 bits.
func.func @PM1_rows(%q: tensor<3x16xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %p: tensor<7xi8>, %y: tensor<3x4611686018427387904xf32>) {
  // expected-error@+1 {{(PM1) packed weight has 4611686018427387904 rows, expected at most 2147483648}}
  %0 = fptq.packed_matmul <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) layer("a")
    ins(%q, %s, %t : tensor<3x16xi8>, tensor<3xf32>, tensor<3x2xi32>) weights(%p : tensor<7xi8>) outs(%y : tensor<3x4611686018427387904xf32>) -> tensor<3x4611686018427387904xf32>
  return
}

// -----

func.func @PM1_channels(%q: tensor<3x16xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %p: tensor<7xi8>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(QM5) 9223372036854775807 input channels, expected 1..65536}}
  %0 = fptq.packed_matmul <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(9223372036854775807) layer("a")
    ins(%q, %s, %t : tensor<3x16xi8>, tensor<3xf32>, tensor<3x2xi32>) weights(%p : tensor<7xi8>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @PM1_rank(%q: memref<3x16xi8>, %s: memref<3xf32>, %t: memref<3x2xi32>, %p: memref<i8>, %y: memref<3x5xf32>) {
  // expected-error@+1 {{(PM1) packed weight has rank 0, expected 1}}
  fptq.packed_matmul <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) layer("a")
    ins(%q, %s, %t : memref<3x16xi8>, memref<3xf32>, memref<3x2xi32>) weights(%p : memref<i8>) outs(%y : memref<3x5xf32>)
  return
}

// -----

func.func @PM2_padding(%q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %p: tensor<7xi8>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(PM2) q is 3 x 8, expected 3 x 16 (layer 'a')}}
  %0 = fptq.packed_matmul <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) layer("a")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>) weights(%p : tensor<7xi8>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @QM4_multiplicand(%q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %c: tensor<5x4xi8>, %w: tensor<5x2xf32>, %r: tensor<2x5xf32>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(QM4) multiplicand is 2 x 5, expected 3 x 5 (layer 'a')}}
  %0 = fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<5x4xi8>, tensor<5x2xf32>) multiplicand(%r : tensor<2x5xf32>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @PM3_multiplicand(%q: tensor<3x16xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %p: tensor<256xi8>, %r: tensor<3x4xf32>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(PM3) multiplicand is 3 x 4, expected 3 x 5 (layer 'a')}}
  %0 = fptq.packed_matmul <group, group_size = 8, symmetric = true, method = rtn> <"x86"> k(16) layer("a")
    ins(%q, %s, %t : tensor<3x16xi8>, tensor<3xf32>, tensor<3x2xi32>) weights(%p : tensor<256xi8>) multiplicand(%r : tensor<3x4xf32>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @unknown_activation(%q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %c: tensor<5x4xi8>, %w: tensor<5x2xf32>, %y: tensor<3x5xf32>) {
  // expected-error@+4 {{to be one of: silu, gelu, gelu_tanh}}
  // expected-error@+3 {{failed to parse Fptq_ActivationFunctionAttr}}
  %0 = fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = rtn> layer("a")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x2xi32>)
    weights(%c, %w : tensor<5x4xi8>, tensor<5x2xf32>) activation <relu> outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @PM3_bias(%q: tensor<3x16xi8>, %s: tensor<3xf32>, %t: tensor<3x2xi32>, %p: tensor<7xi8>, %b: tensor<4xf32>, %y: tensor<3x5xf32>) {
  // expected-error@+1 {{(PM3) bias is 4, expected 5 (layer 'a')}}
  %0 = fptq.packed_matmul <group, group_size = 4, symmetric = true, method = rtn> <"x86"> k(8) layer("a")
    ins(%q, %s, %t : tensor<3x16xi8>, tensor<3xf32>, tensor<3x2xi32>) weights(%p : tensor<7xi8>) bias(%b : tensor<4xf32>) outs(%y : tensor<3x5xf32>) -> tensor<3x5xf32>
  return
}

// -----

// expected-error@+1 {{absmax -1.0}}
func.func private @range_negative() attributes {a = #fptq.range<min = -1.0, max = 1.0, absmax = -1.0, tokens = 1>}

// -----

// expected-error@+1 {{range minimum 2.0}}
func.func private @range_reversed() attributes {a = #fptq.range<min = 2.0, max = 1.0, absmax = 2.0, tokens = 1>}

// -----

// expected-error@+1 {{group size 9223372036854775807 is above 2147483648; 0 means one group per channel}}
#huge = #fptq.scheme<group, group_size = 9223372036854775807, symmetric = true, method = rtn>

// -----

// expected-error@+1 {{group size -3 is negative}}
func.func private @scheme_group() attributes {a = #fptq.scheme<group, group_size = -3, symmetric = true, method = rtn>}

// -----

// expected-error@+1 {{the two-level scheme has offsets: symmetric must be false}}
func.func private @scheme_symmetry() attributes {a = #fptq.scheme<two_level, group_size = 3, symmetric = true, method = rtn>}

// -----

// expected-error@+1 {{range [0.000000e+00, 1.000000e+39], absmax 1.000000e+39 is more than a float holds}}
func.func private @range_too_large() attributes {a = #fptq.range<min = 0.0, max = 1.0e39, absmax = 1.0e39, tokens = 1>}

// -----

// expected-error@+1 {{unknown layout 'arm', expected 'x86' or 'nvptx'}}
func.func private @layout_name() attributes {a = #fptq.layout<"arm">}

// -----

func.func @dq1_bits(%c: tensor<2x4xi8>, %s: tensor<2x1xf32>) -> tensor<2x4xf32> {
  // expected-error@+1 {{(DQ1) has codes of 5 bits, expected 4 or 8}}
  %0 = fptq.dequantize %c, %s bits(5) group_size(4) : (tensor<2x4xi8>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @dq1_group(%c: tensor<2x2xi8>, %s: tensor<2x1xf32>) -> tensor<2x4xf32> {
  // expected-error@+1 {{(DQ1) group size 3 does not divide 4 input channels}}
  %0 = fptq.dequantize %c, %s bits(4) group_size(3) : (tensor<2x2xi8>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @dq1_unknown(%c: tensor<2x?xi8>, %s: tensor<2x?xf32>) -> tensor<2x?xf32> {
  // expected-error@+1 {{(DQ1) has an unknown number of input channels}}
  %0 = fptq.dequantize %c, %s bits(8) group_size(4) : (tensor<2x?xi8>, tensor<2x?xf32>) -> tensor<2x?xf32>
  return %0 : tensor<2x?xf32>
}

// -----

func.func @dq2_codes(%c: tensor<2x4xi8>, %s: tensor<2x1xf32>) -> tensor<2x4xf32> {
  // expected-error@+1 {{(DQ2) codes is 2 x 4, expected 2 x 2}}
  %0 = fptq.dequantize %c, %s bits(4) group_size(4) : (tensor<2x4xi8>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @dq3_scales(%c: tensor<2x2xi8>, %s: tensor<2x1xf32>) -> tensor<2x4xf32> {
  // expected-error@+1 {{(DQ3) scales is 2 x 1, expected 2 x 2}}
  %0 = fptq.dequantize %c, %s bits(4) group_size(2) : (tensor<2x2xi8>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @dq3_zeros_of_bytes(%c: tensor<2x4xi8>, %s: tensor<2x1xf32>, %z: tensor<2x1xi8>) -> tensor<2x4xf32> {
  // expected-error@+1 {{(DQ3) codes of 8 bits have neither zeros nor offsets}}
  %0 = fptq.dequantize %c, %s zeros(%z) bits(8) group_size(4) : (tensor<2x4xi8>, tensor<2x1xf32>, tensor<2x1xi8>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

func.func @dq3_zeros_and_offsets(%c: tensor<2x2xi8>, %s: tensor<2x1xf32>, %z: tensor<2x1xi8>, %o: tensor<2x1xf32>) -> tensor<2x4xf32> {
  // expected-error@+1 {{(DQ3) has both zeros and offsets}}
  %0 = fptq.dequantize %c, %s zeros(%z) offsets(%o) bits(4) group_size(4) : (tensor<2x2xi8>, tensor<2x1xf32>, tensor<2x1xi8>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
