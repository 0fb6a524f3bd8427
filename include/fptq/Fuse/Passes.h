//===- Passes.h - shared steps and epilogues -------------------------*- C++ -*-===//
#ifndef FPTQ_FUSE_PASSES_H
#define FPTQ_FUSE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Fuse/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Fuse/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_FUSE_PASSES_H
