// Reductions with the reduced dimension kept (size 1), as frontends spell them. What has no partial form stays whole, and
// upstream's tiling is not asked, because its answer is an error on a compilation that goes well.
// RUN: fptq-opt --fptq-tile-for-vectors --fptq-tile-reductions --verify-diagnostics --split-input-file %s | FileCheck %s

// The kept dimension is dropped first: upstream takes it for a loop, and reads past the sizes.
// CHECK-LABEL: @sum
// CHECK: scf.for
// CHECK: %[[INIT:.*]] = tensor.extract_slice %{{.*}} : tensor<1x1xf32> to tensor<1xf32>
// CHECK: linalg.reduce ins(%{{.*}} : tensor<1x32xf32>) outs(%[[INIT]] : tensor<1xf32>)
func.func @sum(%x: tensor<4x70xf32>) -> tensor<4x1xf32> {
  %c = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x1xf32>
  %f = linalg.fill ins(%c : f32) outs(%e : tensor<4x1xf32>) -> tensor<4x1xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, 0)>],
                       iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x70xf32>) outs(%f : tensor<4x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %a, %o : f32
    linalg.yield %s : f32
  } -> tensor<4x1xf32>
  return %r : tensor<4x1xf32>
}

// -----

// torch-mlir's maximum: two operations combine.
// CHECK-LABEL: @select
// CHECK-NOT: linalg.reduce
func.func @select(%x: tensor<4x70xf32>, %f: tensor<4x1xf32>) -> tensor<4x1xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, 0)>],
                       iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x70xf32>) outs(%f : tensor<4x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %g = arith.cmpf ogt, %a, %o : f32
    %s = arith.select %g, %a, %o : f32
    linalg.yield %s : f32
  } -> tensor<4x1xf32>
  return %r : tensor<4x1xf32>
}

// -----

// One operation, for which upstream knows no neutral element.
// CHECK-LABEL: @difference
// CHECK-NOT: linalg.reduce
func.func @difference(%x: tensor<4x70xf32>, %f: tensor<4x1xf32>) -> tensor<4x1xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, 0)>],
                       iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x70xf32>) outs(%f : tensor<4x1xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.subf %o, %a : f32
    linalg.yield %s : f32
  } -> tensor<4x1xf32>
  return %r : tensor<4x1xf32>
}

// -----

// What is looked up by the index of the reduction moves on with the loop over it.
// CHECK-LABEL: @index
// CHECK: scf.for %[[AT:.*]] = %c0{{.*}} to %c64{{.*}} step %c32
// CHECK: %[[I:.*]] = linalg.index 1 : index
// CHECK: %[[J:.*]] = affine.apply #{{.*}}(%[[AT]])[%[[I]]]
// CHECK: tensor.extract %{{.*}}[%[[J]]]
func.func @index(%x: tensor<4x64xf32>, %w: tensor<64xf32>, %f: tensor<4xf32>) -> tensor<4xf32> {
  %r = linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>],
                       iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x64xf32>) outs(%f : tensor<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %i = linalg.index 1 : index
    %b = tensor.extract %w[%i] : tensor<64xf32>
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %r : tensor<4xf32>
}
