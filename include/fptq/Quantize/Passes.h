//===- Passes.h - weights to 4-bit codes -------------------------*- C++ -*-===//
#ifndef FPTQ_QUANTIZE_PASSES_H
#define FPTQ_QUANTIZE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Quantize/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Quantize/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_QUANTIZE_PASSES_H
