//===- Passes.h - ranges of activations -------------------------*- C++ -*-===//
#ifndef FPTQ_PROFILE_PASSES_H
#define FPTQ_PROFILE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Profile/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Profile/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_PROFILE_PASSES_H
