//===- EmitQuantized.h - the quantized form of one linear --------*- C++ -*-===//
#ifndef FPTQ_LIB_QUANTIZE_EMITQUANTIZED_H
#define FPTQ_LIB_QUANTIZE_EMITQUANTIZED_H

#include "fptq/IR/Fptq.h"

namespace mlir::fptq {

/// Replaces `op` by quantize_activations + quantized_matmul on `weights` (operands in the order codes,
/// scales, zeros, multipliers; absent ones null). `errorDb` is kept for reports, if known.
void emitQuantized(LinearOp op, ArrayRef<Value> weights, std::optional<double> errorDb);

} // namespace mlir::fptq

#endif // FPTQ_LIB_QUANTIZE_EMITQUANTIZED_H
