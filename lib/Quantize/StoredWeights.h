//===- StoredWeights.h - weights that came as codes --------------*- C++ -*-===//
//
// A weight behind `fptq.dequantize` is not quantized again. Three forms:
// - 4 bits with integer zero points are the group scheme; the operands are used as they are.
// - 4 bits with float offsets (GGUF Q4_1) are the group scheme with zero point 0, and the offsets times the
//   sums of each group of activations, which the quantize step makes anyway.
// - 8 bits (GGUF Q8_0) are two products: q = 16 h + l with l in 0..15 and h in -8..7, exactly.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_QUANTIZE_STOREDWEIGHTS_H
#define FPTQ_LIB_QUANTIZE_STOREDWEIGHTS_H

#include "EmitQuantized.h"
#include "WeightStore.h"

namespace mlir::fptq {

/// True for a `fptq.dequantize` whose own operands stay in use after its layer is quantized.
bool keepsOperands(Operation *op);

/// What has to be made for the layer of `op` beyond what it came with.
SmallVector<WeightOperand> storedOperands(LinearOp op);
FailureOr<OperandBytes> storedBytes(LinearOp op, const PlannedWeight &plan, const ParameterFiles &files);

/// The layer's weight, of its own constants and those `made` by suffix.
QuantizedParts storedParts(LinearOp op, const llvm::StringMap<Value> &made);

} // namespace mlir::fptq

#endif // FPTQ_LIB_QUANTIZE_STOREDWEIGHTS_H
