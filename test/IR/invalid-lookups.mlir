// One negative test a label of the lookups' descriptions; invalid.mlir has those of the other operations.
// RUN: fptq-opt --split-input-file --verify-diagnostics %s

func.func @lk1_result(%ids: tensor<3xindex>, %t: tensor<16x8xf32>) -> tensor<3x4xf32> {
  // expected-error@+1 {{(LK1) result is 3 x 4, expected 3 x 8 (layer 'e')}}
  %0 = fptq.lookup %ids, %t layer("e") : (tensor<3xindex>, tensor<16x8xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

func.func @lk2_narrower(%ids: tensor<3xindex>, %t: tensor<16x8xf32>) -> tensor<3x8xf16> {
  // expected-error@+1 {{(LK2) has elements of type 'f16' for a table of 'f32', expected these or wider ones (layer 'e')}}
  %0 = fptq.lookup %ids, %t layer("e") : (tensor<3xindex>, tensor<16x8xf32>) -> tensor<3x8xf16>
  return %0 : tensor<3x8xf16>
}

// -----

func.func @lk2_as_wide(%ids: tensor<3xindex>, %t: tensor<16x8xf16>) -> tensor<3x8xbf16> {
  // expected-error@+1 {{(LK2) has elements of type 'bf16' for a table of 'f16'}}
  %0 = fptq.lookup %ids, %t layer("e") : (tensor<3xindex>, tensor<16x8xf16>) -> tensor<3x8xbf16>
  return %0 : tensor<3x8xbf16>
}

// -----

func.func @ql1_codes(%ids: tensor<3xindex>, %c: tensor<16x3xi8>, %s: tensor<16x2xf32>, %e: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // expected-error@+1 {{(QL1) codes is 16 x 3, expected 16 x 4 (layer 'e')}}
  %0 = fptq.quantized_lookup <group, group_size = 4, symmetric = true, method = rtn> layer("e") ins(%ids : tensor<3xindex>)
    weights(%c, %s : tensor<16x3xi8>, tensor<16x2xf32>) outs(%e : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
}

// -----

func.func @ql1_rank(%ids: memref<3xindex>, %c: memref<i8>, %s: memref<16x2xf32>, %e: memref<3x8xf32>) {
  // expected-error@+1 {{(QL1) codes is a scalar, expected ? x 4 (layer 'e')}}
  fptq.quantized_lookup <group, group_size = 4, symmetric = true, method = rtn> layer("e") ins(%ids : memref<3xindex>)
    weights(%c, %s : memref<i8>, memref<16x2xf32>) outs(%e : memref<3x8xf32>)
  return
}

// -----

func.func @ql1_zeros(%ids: tensor<3xindex>, %c: tensor<16x4xi8>, %s: tensor<16x2xf32>, %e: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // expected-error@+1 {{(QL1) an asymmetric scheme needs zeros (layer 'e')}}
  %0 = fptq.quantized_lookup <group, group_size = 4, symmetric = false, method = rtn> layer("e") ins(%ids : tensor<3xindex>)
    weights(%c, %s : tensor<16x4xi8>, tensor<16x2xf32>) outs(%e : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
}

// -----

func.func @ql2_ids(%ids: tensor<3x1xindex>, %c: tensor<16x4xi8>, %s: tensor<16x2xf32>, %e: tensor<3x8xf32>) -> tensor<3x8xf32> {
  // expected-error@+1 {{(QL2) ids have rank 2, expected 1 (layer 'e')}}
  %0 = fptq.quantized_lookup <group, group_size = 4, symmetric = true, method = rtn> layer("e") ins(%ids : tensor<3x1xindex>)
    weights(%c, %s : tensor<16x4xi8>, tensor<16x2xf32>) outs(%e : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
}

// -----

func.func @ql2_row_length(%ids: tensor<3xindex>, %c: tensor<16x4xi8>, %s: tensor<16x2xf32>, %e: tensor<3x?xf32>) -> tensor<3x?xf32> {
  // expected-error@+1 {{(QL2) rows have no static length (layer 'e')}}
  %0 = fptq.quantized_lookup <group, group_size = 4, symmetric = true, method = rtn> layer("e") ins(%ids : tensor<3xindex>)
    weights(%c, %s : tensor<16x4xi8>, tensor<16x2xf32>) outs(%e : tensor<3x?xf32>) -> tensor<3x?xf32>
  return %0 : tensor<3x?xf32>
}

// -----

func.func @ql2_result(%ids: tensor<3xindex>, %c: tensor<16x4xi8>, %s: tensor<16x2xf32>, %e: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error@+1 {{(QL2) result is 4 x 8, expected 3 x 8 (layer 'e')}}
  %0 = fptq.quantized_lookup <group, group_size = 4, symmetric = true, method = rtn> layer("e") ins(%ids : tensor<3xindex>)
    weights(%c, %s : tensor<16x4xi8>, tensor<16x2xf32>) outs(%e : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

func.func @pl1_bytes(%ids: memref<3xindex>, %p: memref<100xi8>, %e: memref<3x8xf32>) {
  // expected-error@+1 {{(PL1) packed weight has 100 bytes, layout 'x86' needs 256 (f32 scales) or 192 (f16 scales) for N = 16, K = 8}}
  fptq.packed_lookup <group, group_size = 8, symmetric = true, method = rtn> <"x86"> rows(16) layer("e") ins(%ids : memref<3xindex>)
    weights(%p : memref<100xi8>) outs(%e : memref<3x8xf32>)
  return
}

// -----

func.func @PL1_unknown_bytes(%ids: tensor<3xindex>, %w: tensor<?xi8>, %y: tensor<3x8xf32>) {
  // expected-error@+1 {{(PL1) packed weight has an unknown number of bytes (layer 'e')}}
  %0 = fptq.packed_lookup <group, group_size = 4, symmetric = true, method = rtn> <"x86"> rows(16) layer("e")
    ins(%ids : tensor<3xindex>) weights(%w : tensor<?xi8>) outs(%y : tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @PL1_no_rows(%ids: tensor<3xindex>, %w: tensor<0xi8>, %y: tensor<3x8xf32>) {
  // expected-error@+1 {{(PL1) has a table of 0 rows (layer 'e')}}
  %0 = fptq.packed_lookup <group, group_size = 4, symmetric = true, method = rtn> <"x86"> rows(0) layer("e")
    ins(%ids : tensor<3xindex>) weights(%w : tensor<0xi8>) outs(%y : tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @pl2_result(%ids: memref<3xindex>, %p: memref<256xi8>, %e: memref<2x8xf32>) {
  // expected-error@+1 {{(PL2) result is 2 x 8, expected 3 x 8 (layer 'e')}}
  fptq.packed_lookup <group, group_size = 8, symmetric = true, method = rtn> <"x86"> rows(16) layer("e") ins(%ids : memref<3xindex>)
    weights(%p : memref<256xi8>) outs(%e : memref<2x8xf32>)
  return
}
