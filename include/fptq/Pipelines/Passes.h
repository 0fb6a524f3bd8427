//===- Passes.h - checks between stages -------------------------*- C++ -*-===//
#ifndef FPTQ_PIPELINES_PASSES_H
#define FPTQ_PIPELINES_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Pipelines/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Pipelines/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_PIPELINES_PASSES_H
