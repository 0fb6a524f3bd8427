// Debian's own mlir-opt: dialect, passes and pipelines by one flag.
// REQUIRES: mlir-opt
// UNSUPPORTED: sanitizers
// RUN: mlir-opt --load-dialect-plugin=%fptq_build/lib/FPTQPlugin.so %s --pass-pipeline='builtin.module(fptq-raise,fptq-choose-policy{policy=per-token group-size=4},fptq-quantize-weights)' | FileCheck %s
// RUN: mlir-opt --load-dialect-plugin=%fptq_build/lib/FPTQPlugin.so %s --pass-pipeline='builtin.module(fptq-quantize-pipeline{policy=per-token group-size=4},fptq-x86-pipeline{tier=avx2 threads=false})' | FileCheck %s --check-prefix=LLVM
// The pass flag alone gives the passes, for a module of upstream's dialects only.
// RUN: mlir-opt --load-pass-plugin=%fptq_build/lib/FPTQPlugin.so %s --pass-pipeline='builtin.module(fptq-insert-observers)' | FileCheck %s --check-prefix=PASSES

// CHECK-LABEL: @f
// CHECK: fptq.quantize_activations
// CHECK: fptq.quantized_matmul
// LLVM: llvm.func @f
// LLVM-NOT: fptq.quantize
// PASSES: linalg.matmul
func.func @f(%x: tensor<?x4xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant {fptq.name = "a"} dense<[[1.0, -1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]> : tensor<4x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x2xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
