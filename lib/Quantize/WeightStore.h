//===- WeightStore.h - where quantized weights go ----------------*- C++ -*-===//
#ifndef FPTQ_LIB_QUANTIZE_WEIGHTSTORE_H
#define FPTQ_LIB_QUANTIZE_WEIGHTSTORE_H

#include "fptq/IR/Fptq.h"
#include "fptq/Quantize/GroupQuantizer.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"

namespace mlir::fptq {

/// The operands of one quantized weight, in the order of their planned tensors.
struct WeightOperand {
  StringRef suffix; ///< "codes", "scales", "zeros", "multipliers"
  StringRef dtype;  ///< as safetensors spells it
  RankedTensorType type;
};

/// Operand types of a weight of n x k under `scheme`.
SmallVector<WeightOperand> weightOperands(MLIRContext *context, SchemeAttr scheme, int64_t n, int64_t k,
                                          bool halfScales);

/// One quantized weight of the module's plan.
struct PlannedWeight {
  std::string layer;
  SmallVector<WeightOperand> operands;
};

/// The bytes of a planned weight's operands, in their order.
using OperandBytes = std::vector<std::vector<char>>;

OperandBytes operandBytes(const QuantizedWeight &weight, const PlannedWeight &plan, bool halfScales);

/// Quantized weights as resource constants, or streamed into a file.
class WeightStore {
public:
  /// With `path`, plans the file: `weights`, then all external globals in `kept`.
  static FailureOr<std::unique_ptr<WeightStore>> create(ModuleOp module, StringRef path, bool resume,
                                                        ArrayRef<PlannedWeight> weights,
                                                        ArrayRef<ml_program::GlobalOp> kept,
                                                        const ParameterFiles &files);

  /// True if a killed run has already written all operands of `weight`.
  bool isDone(const PlannedWeight &weight) const;

  /// Takes the numbers of `weight`; an error is emitted at `location`.
  LogicalResult add(Location location, const PlannedWeight &weight, const OperandBytes &operands);

  /// Operand `operand` of `weight` as a value at `builder`'s insertion point.
  Value load(OpBuilder &builder, Location location, const PlannedWeight &weight, const WeightOperand &operand);

  /// Copies what is kept, renames the file and points the module at it.
  LogicalResult finish();

private:
  ModuleOp module;
  std::string path;
  std::unique_ptr<SafetensorsWriter> writer;
  SmallVector<ml_program::GlobalOp> kept;
  const ParameterFiles *files = nullptr;
  llvm::StringMap<DenseResourceElementsAttr> resources;
};

} // namespace mlir::fptq

#endif // FPTQ_LIB_QUANTIZE_WEIGHTSTORE_H
