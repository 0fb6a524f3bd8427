//===- Passes.h - the rest of the model, from linalg to vectors --*- C++ -*-===//
#ifndef FPTQ_CONVERSION_LINALGTOVECTOR_PASSES_H
#define FPTQ_CONVERSION_LINALGTOVECTOR_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::fptq {
#define GEN_PASS_DECL
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"
} // namespace mlir::fptq

#endif // FPTQ_CONVERSION_LINALGTOVECTOR_PASSES_H
