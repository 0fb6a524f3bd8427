//===- Passes.h - the policy stage -------------------------------*- C++ -*-===//
#ifndef FPTQ_POLICY_PASSES_H
#define FPTQ_POLICY_PASSES_H

#include "fptq/Policy/HeadLayers.h"
#include "mlir/Pass/Pass.h"

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Policy/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Policy/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_POLICY_PASSES_H
