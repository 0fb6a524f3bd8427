// RUN: fptq-opt %s --fptq-print-layers -o /dev/null 2>&1 | FileCheck %s --match-full-lines
// RUN: fptq-opt %s --fptq-print-layers="text= json=-" -o /dev/null 2>&1 | FileCheck %s --check-prefix=JSON
// RUN: fptq-opt %s --fptq-check-target=target=reference -o /dev/null 2>&1 | FileCheck %s --check-prefix=TARGET

// A layer is one line whatever its form is; the forms say what was decided of it in attributes or in notes.
// CHECK:      layer                 K x N   max |x| policy      group  error dB
// CHECK-NEXT: open                 8 x 16         - -               -         -
// CHECK-NEXT: decided              8 x 16         3 static          8         -
// CHECK-NEXT: quantized            8 x 16         3 static          8    -20.50
// CHECK-NEXT: packed               8 x 16         - -               8         -
// CHECK-NEXT: e.open               8 x 16         - -               -         -
// CHECK-NEXT: e.float              8 x 16         - float           -         -
// CHECK-NEXT: e.decided            8 x 16         - lookup          8         -
// CHECK-NEXT: e.quantized          8 x 16         - lookup          8         -
// CHECK-NEXT: e.packed             8 x 16         - lookup          8         -
// CHECK-NEXT: 9 layers: 1 float 3 lookup 2 static 3 undecided

// JSON:      "name": "decided"
// JSON:      "quantized": false
// JSON:      "name": "quantized"
// JSON:      "quantized": true
// JSON:      "name": "packed"
// JSON:      "quantized": true
// JSON:      "name": "e.float"
// JSON:      "quantized": false
// JSON:      "name": "e.quantized"
// JSON:      "quantized": true

// Rows of floats are no target's business.
// TARGET: layer 'open' (8 x 16): group scheme, 1 group of 8, on reference
// TARGET: layer 'packed' (8 x 16): group scheme, 1 group of 8, on reference
// TARGET-NOT: e.open
// TARGET-NOT: e.float
// TARGET: layer 'e.decided' (8 x 16): group scheme, 1 group of 8, a row for each id, on the host
// TARGET: layer 'e.packed' (8 x 16): group scheme, 1 group of 8, a row for each id, on the host

#scheme = #fptq.scheme<group, group_size = 8, symmetric = true, method = rtn>
#policy = #fptq.policy<static, "v = 3 <= v0 = 15">
#range = #fptq.range<min = -3.0, max = 3.0, absmax = 3.0, tokens = 1>

func.func @f(%x: tensor<3x8xf32>, %w: tensor<16x8xf32>, %q: tensor<3x8xi8>, %s: tensor<3xf32>, %t: tensor<3x1xi32>,
             %codes: tensor<16x4xi8>, %scales: tensor<16x1xf32>, %bytes: tensor<256xi8>, %ids: tensor<3xindex>,
             %y: tensor<3x16xf32>, %e: tensor<3x8xf32>) {
  %0 = fptq.linear %x, %w layer("open") : (tensor<3x8xf32>, tensor<16x8xf32>) -> tensor<3x16xf32>
  %1 = fptq.linear %x, %w layer("decided") {policy = #policy, range = #range, scheme = #scheme}
    : (tensor<3x8xf32>, tensor<16x8xf32>) -> tensor<3x16xf32>
  %2 = fptq.quantized_matmul #scheme layer("quantized") ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x1xi32>)
    weights(%codes, %scales : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : tensor<3x16xf32>)
    {fptq.policy = #policy, fptq.range = #range, fptq.error_db = -20.5 : f64} -> tensor<3x16xf32>
  %3 = fptq.quantized_matmul #scheme layer("quantized.part1")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x1xi32>)
    weights(%codes, %scales : tensor<16x4xi8>, tensor<16x1xf32>) outs(%y : tensor<3x16xf32>) {fptq.part} -> tensor<3x16xf32>
  %4 = fptq.packed_matmul #scheme <"x86"> k(8) layer("packed")
    ins(%q, %s, %t : tensor<3x8xi8>, tensor<3xf32>, tensor<3x1xi32>) weights(%bytes : tensor<256xi8>)
    outs(%y : tensor<3x16xf32>) -> tensor<3x16xf32>
  %5 = fptq.lookup %ids, %w layer("e.open") : (tensor<3xindex>, tensor<16x8xf32>) -> tensor<3x8xf32>
  %6 = fptq.lookup %ids, %w layer("e.float") {reason = "no rule names it"} : (tensor<3xindex>, tensor<16x8xf32>) -> tensor<3x8xf32>
  %7 = fptq.lookup %ids, %w layer("e.decided") {reason = "a rule", scheme = #scheme} : (tensor<3xindex>, tensor<16x8xf32>) -> tensor<3x8xf32>
  %8 = fptq.quantized_lookup #scheme layer("e.quantized") ins(%ids : tensor<3xindex>)
    weights(%codes, %scales : tensor<16x4xi8>, tensor<16x1xf32>) outs(%e : tensor<3x8xf32>) -> tensor<3x8xf32>
  %9 = fptq.packed_lookup #scheme <"x86"> rows(16) layer("e.packed") ins(%ids : tensor<3xindex>)
    weights(%bytes : tensor<256xi8>) outs(%e : tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}
