//===- Passes.h - kernels to artifacts ---------------------------*- C++ -*-===//
#ifndef FPTQ_TARGET_PASSES_H
#define FPTQ_TARGET_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Pass/Pass.h"

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Target/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Target/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_TARGET_PASSES_H
