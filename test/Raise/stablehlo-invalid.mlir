// RUN: fptq-opt %s -split-input-file -verify-diagnostics

func.func @carried(%x: tensor<4xf32>, %p: tensor<i1>) {
  // expected-error @below {{(SH1) has a region that returns 'tensor<i1>', expected 'tensor<4xf32>'}}
  %0 = stablehlo.while(%a = %x) : tensor<4xf32> cond {
    stablehlo.return %p : tensor<i1>
  } do {
    stablehlo.return %p : tensor<i1>
  }
  return
}

// -----

func.func @endless(%x: tensor<4xf32>, %p: tensor<i1>) {
  // expected-error @below {{(SH1) has a region that does not return}}
  %0 = stablehlo.while(%a = %x) : tensor<4xf32> cond {
    stablehlo.return %p : tensor<i1>
  } do {
    %1 = arith.negf %a : tensor<4xf32>
  }
  return
}

// -----

func.func @branch(%x: tensor<4xf32>, %p: tensor<i1>) {
  // expected-error @below {{(SH2) has a region that returns 'tensor<i1>', expected 'tensor<4xf32>'}}
  %0 = "stablehlo.if"(%p) ({
    stablehlo.return %x : tensor<4xf32>
  }, {
    stablehlo.return %p : tensor<i1>
  }) : (tensor<i1>) -> tensor<4xf32>
  return
}

// -----

func.func @no_branch(%i: tensor<i32>) {
  // expected-error @below {{(SH3) has no branch}}
  "stablehlo.case"(%i) : (tensor<i32>) -> ()
  return
}

// -----

func.func @dimension(%x: tensor<4x8xf32>, %p: tensor<i1>) {
  // expected-error @below {{(SH4) dimension 2 is outside rank 2}}
  %0 = "stablehlo.sort"(%x) <{dimension = 2 : i64}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    stablehlo.return %p : tensor<i1>
  }) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @shapes(%x: tensor<4x8xf32>, %y: tensor<4x7xf32>, %p: tensor<i1>) {
  // expected-error @below {{(SH4) has inputs of types 'tensor<4x8xf32>', 'tensor<4x7xf32>'}}
  %0:2 = "stablehlo.sort"(%x, %y) <{dimension = 1 : i64}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>, %c: tensor<f32>, %d: tensor<f32>):
    stablehlo.return %p : tensor<i1>
  }) : (tensor<4x8xf32>, tensor<4x7xf32>) -> (tensor<4x8xf32>, tensor<4x7xf32>)
  return
}

// -----

func.func @comparator(%x: tensor<4x8xf32>) {
  // expected-error @below {{(SH5) has a region of arguments of types 'tensor<f32>', expected 'tensor<f32>', 'tensor<f32>'}}
  %0 = "stablehlo.sort"(%x) <{dimension = 1 : i64}> ({
  ^bb0(%a: tensor<f32>):
    stablehlo.return %a : tensor<f32>
  }) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @window(%x: tensor<5x7xf32>, %i: tensor<3x1xi32>, %u: tensor<3x8xf32>) {
  // expected-error @below {{(SH6) has updates of type 'tensor<3x8xf32>' for an input of type 'tensor<5x7xf32>'}}
  %0 = "stablehlo.scatter"(%x, %i, %u) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    stablehlo.return %b : tensor<f32>
  }) : (tensor<5x7xf32>, tensor<3x1xi32>, tensor<3x8xf32>) -> tensor<5x7xf32>
  return
}

// -----

func.func @updates(%x: tensor<5x7xf32>, %i: tensor<2x1xi32>, %u: tensor<3x7xf32>) {
  // expected-error @below {{(SH6) has updates of type 'tensor<3x7xf32>' for an input of type 'tensor<5x7xf32>' and indices of type 'tensor<2x1xi32>'}}
  %0 = "stablehlo.scatter"(%x, %i, %u) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    stablehlo.return %b : tensor<f32>
  }) : (tensor<5x7xf32>, tensor<2x1xi32>, tensor<3x7xf32>) -> tensor<5x7xf32>
  return
}

// -----

func.func @twice(%x: tensor<5x7xf32>, %i: tensor<3x1xi32>, %u: tensor<3x7xf32>) {
  // expected-error @below {{(SH6) has inserted_window_dims and input_batching_dims that fit no input}}
  %0 = "stablehlo.scatter"(%x, %i, %u) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], input_batching_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    stablehlo.return %b : tensor<f32>
  }) : (tensor<5x7xf32>, tensor<3x1xi32>, tensor<3x7xf32>) -> tensor<5x7xf32>
  return
}

// -----

func.func @entries(%x: tensor<5x7xf32>, %i: tensor<3x2xi32>, %u: tensor<3x7xf32>) {
  // expected-error @below {{(SH6) has indices of 2 entries for 1 scatter_dims_to_operand_dims}}
  %0 = "stablehlo.scatter"(%x, %i, %u) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    stablehlo.return %b : tensor<f32>
  }) : (tensor<5x7xf32>, tensor<3x2xi32>, tensor<3x7xf32>) -> tensor<5x7xf32>
  return
}

// -----

func.func @combination(%x: tensor<5x7xf32>, %i: tensor<3x1xi32>, %u: tensor<3x7xf32>) {
  // expected-error @below {{(SH7) has a region that is no function of two 'tensor<f32>' to one}}
  %0 = "stablehlo.scatter"(%x, %i, %u) <{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}> ({
  ^bb0(%a: tensor<f32>):
    stablehlo.return %a : tensor<f32>
  }) : (tensor<5x7xf32>, tensor<3x1xi32>, tensor<3x7xf32>) -> tensor<5x7xf32>
  return
}

// -----

// expected-error @below {{unknown key 'update_window_dim'}}
func.func @key() attributes {n = #stablehlo.scatter<update_window_dim = [1]>} {
  return
}

// -----

func.func @too_many(%x: tensor<4x8xf32>) {
  // expected-error @below {{(CH1) has an operand of type 'tensor<4x8xf32>', k = 9 and results of types 'tensor<4x9xf32>' and 'tensor<4x9xi32>'}}
  %values, %indices = chlo.top_k(%x, k = 9) : tensor<4x8xf32> -> (tensor<4x9xf32>, tensor<4x9xi32>)
  return
}
