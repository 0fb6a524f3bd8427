// RUN: fptq-opt --resolve-ranked-shaped-type-result-dims --canonicalize --cse %s | FileCheck %s --check-prefix=SHAPES
// RUN: fptq-opt --affine-scalrep %s | FileCheck %s --check-prefix=EFFECTS

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
