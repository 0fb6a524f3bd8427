//===- Activation.h - SiLU and GELU as plain operations ---------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_ACTIVATION_H
#define FPTQ_SUPPORT_ACTIVATION_H

#include "fptq-runtime/Kernels.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::fptq {

/// The activation of `x` (f32 or a vector of it), operation by operation as fptq_reference_activation: the same bits on
/// every target. `x` itself for FPTQ_NO_ACTIVATION.
Value emitActivation(ImplicitLocOpBuilder &b, FptqActivation activation, Value x);

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_ACTIVATION_H
