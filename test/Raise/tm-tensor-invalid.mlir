// RUN: fptq-opt %s -split-input-file -verify-diagnostics

func.func @dimension(%x: tensor<2x3xi64>, %a: tensor<2xi64>) {
  // expected-error @below {{(TM1) dimension 2 is outside rank 2}}
  %r:2 = tm_tensor.scan dimension(2) inclusive(true) ins(%x : tensor<2x3xi64>) outs(%x, %a : tensor<2x3xi64>, tensor<2xi64>) {
  ^bb0(%l: i64, %v: i64):
    tm_tensor.yield %v : i64
  } -> tensor<2x3xi64>, tensor<2xi64>
  return
}

// -----

func.func @results(%x: tensor<2x3xi64>) {
  // expected-error @below {{(TM2) has results of types 'tensor<2x4xi64>' for outputs of types 'tensor<2x3xi64>'}}
  %r = tm_tensor.sort dimension(0) outs(%x : tensor<2x3xi64>) {
  ^bb0(%a: i64, %b: i64):
    %s = arith.cmpi sle, %a, %b : i64
    tm_tensor.yield %s : i1
  } -> tensor<2x4xi64>
  return
}

// -----

func.func @no_output() {
  // expected-error @below {{(TM2) has no output}}
  "tm_tensor.sort"() <{dimension = 0, operandSegmentSizes = array<i32: 0, 0>}> ({
    %true = arith.constant true
    "tm_tensor.yield"(%true) : (i1) -> ()
  }) : () -> ()
  return
}

// -----

func.func @outputs_of_scan(%x: tensor<2x3xi64>) {
  // expected-error @below {{(TM3) has 1 inputs and 1 outputs, expected 1 and 2}}
  %r = tm_tensor.scan dimension(1) inclusive(true) ins(%x : tensor<2x3xi64>) outs(%x : tensor<2x3xi64>) {
  ^bb0(%l: i64, %v: i64):
    tm_tensor.yield %v : i64
  } -> tensor<2x3xi64>
  return
}

// -----

func.func @accumulator(%x: tensor<2x3xi64>, %a: tensor<3xi64>) {
  // expected-error @below {{(TM3) has an accumulator of type 'tensor<3xi64>' for an input of type 'tensor<2x3xi64>' and dimension 1}}
  %r:2 = tm_tensor.scan dimension(1) inclusive(true) ins(%x : tensor<2x3xi64>) outs(%x, %a : tensor<2x3xi64>, tensor<3xi64>) {
  ^bb0(%l: i64, %v: i64):
    tm_tensor.yield %v : i64
  } -> tensor<2x3xi64>, tensor<3xi64>
  return
}

// -----

func.func @region_of_scan(%x: tensor<2x3xi64>, %a: tensor<2xi64>) {
  // expected-error @below {{(TM4) has a region of arguments of types 'i64', expected 'i64', 'i64'}}
  %r:2 = tm_tensor.scan dimension(1) inclusive(true) ins(%x : tensor<2x3xi64>) outs(%x, %a : tensor<2x3xi64>, tensor<2xi64>) {
  ^bb0(%l: i64):
    tm_tensor.yield %l : i64
  } -> tensor<2x3xi64>, tensor<2xi64>
  return
}

// -----

func.func @input_of_sort(%x: tensor<2x3xi64>) {
  // expected-error @below {{(TM5) has 1 inputs, expected none}}
  %r = tm_tensor.sort dimension(0) ins(%x : tensor<2x3xi64>) outs(%x : tensor<2x3xi64>) {
  ^bb0(%a: i64, %b: i64):
    %s = arith.cmpi sle, %a, %b : i64
    tm_tensor.yield %s : i1
  } -> tensor<2x3xi64>
  return
}

// -----

func.func @region_of_sort(%x: tensor<2x3xi64>) {
  // expected-error @below {{(TM6) has a region that does not yield 'i1'}}
  %r = tm_tensor.sort dimension(0) outs(%x : tensor<2x3xi64>) {
  ^bb0(%a: i64, %b: i64):
    tm_tensor.yield %a : i64
  } -> tensor<2x3xi64>
  return
}

// -----

func.func @topk_of_another_shape(%x: tensor<4x3xf32>, %v: tensor<2x5xf32>, %i: tensor<2x5xi32>) {
  // expected-error @below {{(TM7) has inputs of types 'tensor<4x3xf32>' and outputs of types 'tensor<2x5xf32>', 'tensor<2x5xi32>'}}
  %r:2 = tm_tensor.topk dimension(0) ins(%x : tensor<4x3xf32>) outs(%v, %i : tensor<2x5xf32>, tensor<2x5xi32>) {
  ^bb0(%a: f32, %b: f32):
    %before = arith.cmpf ogt, %a, %b : f32
    tm_tensor.yield %before : i1
  } -> tensor<2x5xf32>, tensor<2x5xi32>
  return
}

// -----

func.func @indices_of_scatter(%x: tensor<8x4xf32>, %rows: tensor<2x4xf32>, %i: tensor<3x1xi64>) {
  // expected-error @below {{(TM8) has updates of type 'tensor<2x4xf32>' and indices of type 'tensor<3x1xi64>'}}
  %r = tm_tensor.scatter {dimension_map = array<i64: 0>} unique_indices(true) ins(%rows, %i : tensor<2x4xf32>, tensor<3x1xi64>) outs(%x : tensor<8x4xf32>) {
  ^bb0(%new: f32, %old: f32):
    tm_tensor.yield %new : f32
  } -> tensor<8x4xf32>
  return
}

// -----

func.func @map_twice(%x: tensor<8x4xf32>, %u: tensor<2xf32>, %i: tensor<2x2xi64>) {
  // expected-error @below {{(TM9) dimension_map has 1, outside rank 2 or twice}}
  %r = tm_tensor.scatter {dimension_map = array<i64: 1, 1>} unique_indices(true) ins(%u, %i : tensor<2xf32>, tensor<2x2xi64>) outs(%x : tensor<8x4xf32>) {
  ^bb0(%new: f32, %old: f32):
    tm_tensor.yield %new : f32
  } -> tensor<8x4xf32>
  return
}

// -----

func.func @not_covered(%x: tensor<8x4xf32>, %u: tensor<2xf32>, %i: tensor<2x1xi64>) {
  // expected-error @below {{(TM9) has indices of 1 columns, a dimension_map of 1 and a window of rank 0 for an output of rank 2}}
  %r = tm_tensor.scatter {dimension_map = array<i64: 0>} unique_indices(true) ins(%u, %i : tensor<2xf32>, tensor<2x1xi64>) outs(%x : tensor<8x4xf32>) {
  ^bb0(%new: f32, %old: f32):
    tm_tensor.yield %new : f32
  } -> tensor<8x4xf32>
  return
}

// -----

func.func @attention(%q: tensor<1x2x3xf32>) {
  // expected-error @below {{custom op 'tm_tensor.attention' is not supported: of tm_tensor, scan, sort, topk and scatter are}}
  %0 = tm_tensor.attention ins(%q, %q, %q : tensor<1x2x3xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>) outs(%q : tensor<1x2x3xf32>) -> tensor<1x2x3xf32>
  return
}
