// RUN: fptq-opt --resolve-ranked-shaped-type-result-dims --canonicalize --cse %s | FileCheck %s --check-prefix=SHAPES
// RUN: fptq-opt --affine-scalrep %s | FileCheck %s --check-prefix=EFFECTS

// RUN: fptq-opt --loop-invariant-code-motion %s | FileCheck %s --check-prefix=LICM

// Sizes come from the operands: no product is computed to be asked for its shape.
// SHAPES-LABEL: @sizes
// SHAPES-SAME: %[[X:.*]]: tensor<2x?x4xf32>, %[[W:.*]]: tensor<?x4xf32>, %[[IDS:.*]]: tensor<?xindex>
// SHAPES-NOT: fptq.
// SHAPES-DAG: %[[ROWS:.*]] = tensor.dim %[[X]], %c1
// SHAPES-DAG: %[[COLUMNS:.*]] = tensor.dim %[[W]], %c0
// SHAPES-DAG: %[[COUNT:.*]] = tensor.dim %[[IDS]], %c0
// SHAPES: return %[[ROWS]], %[[COLUMNS]], %[[ROWS]], %[[COUNT]]
func.func @sizes(%x: tensor<2x?x4xf32>, %w: tensor<?x4xf32>, %ids: tensor<?xindex>, %s: tensor<4xf32>)
    -> (index, index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %y = fptq.linear %x, %w layer("a") : (tensor<2x?x4xf32>, tensor<?x4xf32>) -> tensor<2x?x?xf32>
  %z = fptq.scale_channels %x, %s dim(2) : tensor<2x?x4xf32>, tensor<4xf32>
  %e = fptq.lookup %ids, %w layer("w.lookup") : (tensor<?xindex>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %rows = tensor.dim %y, %c1 : tensor<2x?x?xf32>
  %columns = tensor.dim %y, %c2 : tensor<2x?x?xf32>
  %scaled = tensor.dim %z, %c1 : tensor<2x?x4xf32>
  %count = tensor.dim %e, %c0 : tensor<?x4xf32>
  return %rows, %columns, %scaled, %count : index, index, index, index
}

// An observer reads the buffer: what was stored before it is not dead.
// EFFECTS-LABEL: @observed
// EFFECTS: affine.store %{{.*}}, %[[X:.*]][0, 0]
// EFFECTS: fptq.observe %[[X]]
// EFFECTS: affine.store %{{.*}}, %[[X]][0, 0]
func.func @observed(%x: memref<1x1xf32>) {
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  affine.store %one, %x[0, 0] : memref<1x1xf32>
  fptq.observe %x layer("a") : memref<1x1xf32>
  affine.store %two, %x[0, 0] : memref<1x1xf32>
  return
}

// What is the same in every iteration is computed once, on tensors; a loop that never runs must not look up what no
// assert has seen, nor write a buffer.
// LICM-LABEL: @invariant
// LICM: %q, %scales, %sums = fptq.quantize_activations
// LICM: fptq.quantized_matmul
// LICM: scf.for
// LICM-DAG: fptq.lookup
// LICM-DAG: fptq.quantize_activations {{.*}} memref
func.func @invariant(%n: index, %x: tensor<3x4xf32>, %codes: tensor<2x2xi8>, %scales: tensor<2x1xf32>, %ids: tensor<3xindex>,
                     %table: tensor<9x2xf32>, %mx: memref<3x4xf32>, %mq: memref<3x4xi8>, %ms: memref<3xf32>, %mt: memref<3x1xi32>,
                     %q0: tensor<3x4xi8>, %s0: tensor<3xf32>, %t0: tensor<3x1xi32>, %y0: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %y0) -> tensor<3x2xf32> {
    %q:3 = fptq.quantize_activations group_size(4) padded_group_size(4) ins(%x : tensor<3x4xf32>)
      outs(%q0, %s0, %t0 : tensor<3x4xi8>, tensor<3xf32>, tensor<3x1xi32>) -> tensor<3x4xi8>, tensor<3xf32>, tensor<3x1xi32>
    %y = fptq.quantized_matmul <group, group_size = 4, symmetric = true, method = rtn> layer("a")
      ins(%q#0, %q#1, %q#2 : tensor<3x4xi8>, tensor<3xf32>, tensor<3x1xi32>)
      weights(%codes, %scales : tensor<2x2xi8>, tensor<2x1xf32>) outs(%y0 : tensor<3x2xf32>) -> tensor<3x2xf32>
    %rows = fptq.lookup %ids, %table layer("w.lookup") : (tensor<3xindex>, tensor<9x2xf32>) -> tensor<3x2xf32>
    fptq.quantize_activations group_size(4) padded_group_size(4) ins(%mx : memref<3x4xf32>)
      outs(%mq, %ms, %mt : memref<3x4xi8>, memref<3xf32>, memref<3x1xi32>)
    %sum = arith.addf %y, %rows : tensor<3x2xf32>
    %next = arith.addf %sum, %acc : tensor<3x2xf32>
    scf.yield %next : tensor<3x2xf32>
  }
  return %r : tensor<3x2xf32>
}
