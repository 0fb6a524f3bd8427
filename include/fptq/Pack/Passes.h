//===- Passes.h - codes to a layout -------------------------*- C++ -*-===//
#ifndef FPTQ_PACK_PASSES_H
#define FPTQ_PACK_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Pack/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Pack/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_PACK_PASSES_H
