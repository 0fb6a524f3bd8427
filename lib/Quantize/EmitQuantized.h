//===- EmitQuantized.h - the quantized form of one layer ---------*- C++ -*-===//
#ifndef FPTQ_LIB_QUANTIZE_EMITQUANTIZED_H
#define FPTQ_LIB_QUANTIZE_EMITQUANTIZED_H

#include "fptq/IR/Fptq.h"

namespace mlir::fptq {

/// What a linear's weight became. Weights that we quantize are one product; a weight that came as codes may
/// need more (StoredWeights.h).
struct QuantizedParts {
  struct Product {
    Value codes, scales, zeros, multipliers; ///< absent ones null
  };
  SmallVector<Product> products; ///< summed; products after the first are parts of the same layer
  Value offsets;                 ///< N x G, times the sums of each group of activations; or null
};

/// Replaces `op` by quantize_activations + quantized_matmul of `parts`. `errorDb` is kept for reports, if known.
void emitQuantized(LinearOp op, const QuantizedParts &parts, std::optional<double> errorDb);

/// Replaces `op` by a quantized_lookup of the rows of `table`.
void emitQuantized(LookupOp op, const QuantizedParts::Product &table, std::optional<double> errorDb);

} // namespace mlir::fptq

#endif // FPTQ_LIB_QUANTIZE_EMITQUANTIZED_H
