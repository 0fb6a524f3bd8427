//===- Passes.h - the equalization stage -------------------------*- C++ -*-===//
#ifndef FPTQ_EQUALIZE_PASSES_H
#define FPTQ_EQUALIZE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Equalize/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Equalize/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_EQUALIZE_PASSES_H
