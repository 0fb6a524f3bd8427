//===- Passes.h - linears out of linalg -------------------------*- C++ -*-===//
#ifndef FPTQ_RAISE_PASSES_H
#define FPTQ_RAISE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Raise/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Raise/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_RAISE_PASSES_H
