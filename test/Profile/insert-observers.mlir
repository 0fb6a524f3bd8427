// RUN: fptq-opt --fptq-insert-observers %s | FileCheck %s
// A second time there is nothing to do.
// RUN: fptq-opt --fptq-insert-observers --fptq-insert-observers %s | FileCheck %s

// RUN: fptq-opt --fptq-choose-policy="policy=per-token group-size=4" --fptq-quantize-weights --fptq-insert-observers %S/Inputs/two-linears.mlir 2>&1 >/dev/null | FileCheck %s --check-prefix=QUANTIZED
// RUN: fptq-opt --fptq-insert-observers %S/Inputs/two-linears.mlir 2>&1 >/dev/null | count 0
// QUANTIZED: warning: 2 layers are quantized already, and not observed (layer 'a'): calibrate the model of floats

// CHECK-LABEL: @always
// CHECK-NEXT: fptq.observe %arg0 layer("q") : tensor<?x4xf32>
// CHECK-NEXT: fptq.linear
func.func @always(%x: tensor<?x4xf32>, %w: tensor<2x4xf32>) -> tensor<?x2xf32> {
  %y = fptq.linear %x, %w layer("q") : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// An expert that no token may be routed to is in the profile all the same.
// CHECK-LABEL: @maybe
// CHECK-NEXT: %[[NONE:.*]] = tensor.empty() : tensor<0x4xf32>
// CHECK-NEXT: fptq.observe %[[NONE]] layer("e") : tensor<0x4xf32>
// CHECK: scf.if
// CHECK-NEXT: fptq.observe %arg0 layer("e") : tensor<?x4xf32>
func.func @maybe(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %c: i1) -> tensor<?x4xf32> {
  %y = scf.if %c -> tensor<?x4xf32> {
    %r = fptq.linear %x, %w layer("e") : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    scf.yield %r : tensor<?x4xf32>
  } else {
    scf.yield %x : tensor<?x4xf32>
  }
  return %y : tensor<?x4xf32>
}
