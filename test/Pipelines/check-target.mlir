// RUN: split-file %s %t
// RUN: fptq-opt %t/float.mlir --fptq-check-target="target=avx512vnni elsewhere=true" 2>&1 | FileCheck %s
// CHECK: layer 'a' (200 x 3): group scheme, 2 groups of 128, on avx512vnni, K padded to 256 (+28%)
// CHECK: layer 'b' (200 x 3): two-level scheme, 5 groups of 40, on avx512vnni
// CHECK-NOT: padded
// CHECK: layer 'c' (200 x 3): float, by its policy
// CHECK: func.func @f
// RUN: fptq-opt %t/float.mlir --fptq-check-target="target=sm_80 group-size=40" 2>&1 | FileCheck %s --check-prefix=GPU
// GPU: layer 'a' (200 x 3): group scheme, 5 groups of 40, on sm_80, K padded to
// RUN: fptq-opt %t/float.mlir --fptq-check-target="target=auto group-size=0 scheme=two-level" 2>&1 | FileCheck %s --check-prefix=CHANNEL
// CHANNEL: layer 'a' (200 x 3): two-level scheme, 1 group of 200, on {{reference|avx2|avxvnni|avx512vnni(-zen)?|amx-int8}}
// RUN: not fptq-opt %t/float.mlir --fptq-check-target=target=sm_75 2>&1 | FileCheck %s --check-prefix=OLD
// OLD: error: chip 'sm_75' is below sm_80
// RUN: not fptq-opt %t/float.mlir --fptq-check-target=target=z80 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: unknown target 'z80', expected reference, avx2
// RUN: not fptq-opt %t/float.mlir --fptq-check-target=scheme=three-level 2>&1 | FileCheck %s --check-prefix=SCHEME
// SCHEME: error: fptq-check-target: scheme 'three-level'
// RUN: not fptq-opt %t/float.mlir --fptq-check-target=group-size=-1 2>&1 | FileCheck %s --check-prefix=GROUP
// GROUP: error: fptq-check-target: scheme 'group', group-size -1: expected group or two-level, and 0 or more
// RUN: fptq-opt %t/float.mlir --fptq-choose-policy=policy=per-token --fptq-quantize-weights --fptq-fuse --fptq-pack -o %t/packed.mlir
// RUN: fptq-opt %t/packed.mlir --fptq-check-target=target=avx2-emulated -o /dev/null
// RUN: not fptq-opt %t/packed.mlir --fptq-check-target=target=sm_90a -o /dev/null 2>&1 | FileCheck %s --check-prefix=LAYOUT
// LAYOUT: error: {{.*}}layer 'a' is packed for 'x86', target 'sm_90a' reads 'nvptx'
// LAYOUT: error: {{.*}}layer 'b' is packed for 'x86'
// RUN: fptq-opt %t/lookup.mlir --fptq-check-target=target=sm_80 -o /dev/null 2>&1 | FileCheck %s --check-prefix=LOOKUP
// LOOKUP: layer 'e.lookup' (8 x 2): group scheme, 2 groups of 4, a row for each id, on the host, K padded to 64
// RUN: not fptq-opt %t/wide.mlir --fptq-check-target=target=reference 2>&1 | FileCheck %s --check-prefix=WIDE
// WIDE: error: {{.*}}(QM5) layer 'wide' has K = 65537, above 65536
// RUN: sed s/65537/65530/g %t/wide.mlir > %t/ragged.mlir
// RUN: not fptq-opt %t/ragged.mlir --fptq-check-target="target=reference group-size=96" 2>&1 | FileCheck %s --check-prefix=RAGGED
// RAGGED: error: {{.*}}(QM5) layer 'wide' has K = 65568 with the last group's padding, above 65536
// RUN: not fptq-opt %t/none.mlir --fptq-check-target 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: has no layer to check: run fptq-raise first
// RUN: not fptq-opt %t/open.mlir --fptq-check-target=target=reference 2>&1 | FileCheck %s --check-prefix=OPEN
// OPEN: error: {{.*}}layer 'open' has a weight of unknown size, so no constant one

//--- open.mlir
func.func @f(%x: tensor<2x?xf32>, %w: tensor<?x?xf32>) -> tensor<2x?xf32> {
  %y = fptq.linear %x, %w layer("open") : (tensor<2x?xf32>, tensor<?x?xf32>) -> tensor<2x?xf32>
  return %y : tensor<2x?xf32>
}
//--- float.mlir
func.func @f(%x: tensor<2x200xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %w = arith.constant dense<0.5> : tensor<3x200xf32>
  %a = fptq.linear %x, %w layer("a") : (tensor<2x200xf32>, tensor<3x200xf32>) -> tensor<2x3xf32>
  %b = fptq.linear %x, %w layer("b") {scheme = #fptq.scheme<two_level, group_size = 40, symmetric = false, method = rtn>}
    : (tensor<2x200xf32>, tensor<3x200xf32>) -> tensor<2x3xf32>
  %c = fptq.linear %x, %w layer("c") {policy = #fptq.policy<float, "kept">} : (tensor<2x200xf32>, tensor<3x200xf32>) -> tensor<2x3xf32>
  return %a, %b, %c : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}
//--- wide.mlir
func.func @f(%x: tensor<1x65537xf32>) -> tensor<1x1xf32> {
  %w = arith.constant dense<0.5> : tensor<1x65537xf32>
  %a = fptq.linear %x, %w layer("wide") : (tensor<1x65537xf32>, tensor<1x65537xf32>) -> tensor<1x1xf32>
  return %a : tensor<1x1xf32>
}
//--- none.mlir
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> { return %x : tensor<2xf32> }
//--- lookup.mlir
func.func @f(%ids: tensor<3xindex>, %c: tensor<2x4xi8>, %s: tensor<2x2xf32>, %e: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %0 = fptq.quantized_lookup <group, group_size = 4, symmetric = true, method = rtn> layer("e.lookup") ins(%ids : tensor<3xindex>)
    weights(%c, %s : tensor<2x4xi8>, tensor<2x2xf32>) outs(%e : tensor<3x8xf32>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
}
