// What is not linalg is refused where it stands, with what to do, in whatever syntax it is written.
// RUN: fptq-opt %s --fptq-import-frontend -split-input-file -verify-diagnostics

module attributes {mhlo.num_partitions = 1 : i32} {
  func.func @stablehlo(%x: tensor<2x3xf32>, %w: tensor<3x4xf32>) -> tensor<2x4xf32> {
    // expected-error @below {{custom op 'stablehlo.dot_general' is not linalg on tensors: lower it first: torch-mlir-opt --inline}}
    %0 = stablehlo.dot_general %x, %w, contracting_dims = [1] x [0] : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
    return %0 : tensor<2x4xf32>
  }
}

// -----

func.func @generic(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error @below {{'stablehlo.negate' op is not linalg on tensors: lower it first: torch-mlir-opt --inline}}
  %0 = "stablehlo.negate"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// expected-error @below {{dialect 'torch' is not linalg on tensors: lower it first: torch-mlir-opt --torch-backend-to-linalg-on-tensors-backend-pipeline, or output_type="linalg-on-tensors" in Python}}
func.func @torch(%x: !torch.vtensor<[2,3],f32>) {
  return
}

// -----

// expected-error @below {{custom op 'util.func' is not linalg on tensors: docs/Frontends.md}}
util.func public @iree(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  util.return %x : tensor<2x3xf32>
}

// -----

// Attributes are not operations: what was lowered from StableHLO keeps some.
module attributes {mhlo.num_partitions = 1 : i32} {
  func.func @lowered(%x: tensor<2x3xf32> {mhlo.sharding = "{replicated}"}) -> tensor<2x3xf32> {
    return %x : tensor<2x3xf32>
  }
}

// -----

// What torch-mlir-opt would not lower either.
func.func @inverse(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // expected-error @below {{custom op 'chlo.erf_inv' is not linalg on tensors: it has no lowering to linalg; export the model without it}}
  %0 = chlo.erf_inv %x : tensor<2x3xf32> -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
