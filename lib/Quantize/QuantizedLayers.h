//===- QuantizedLayers.h - what the quantize stage has to do -----*- C++ -*-===//
#ifndef FPTQ_LIB_QUANTIZE_QUANTIZEDLAYERS_H
#define FPTQ_LIB_QUANTIZE_QUANTIZEDLAYERS_H

#include "WeightStore.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::fptq {

/// All uses of one layer, linears or lookups: they share the weight.
struct QuantizedLayer {
  SmallVector<LayerOpInterface> uses;
  PlannedWeight plan;
  std::optional<double> errorDb;
  bool stored = false;  ///< the codes it came with are kept
  StringRef sharedWith; ///< of a lookup: the linear of the same table whose codes it reads; or empty
};
using QuantizedLayers = llvm::MapVector<StringRef, QuantizedLayer>;

/// The layers of `module` that the policy stage wants quantized. Errors name the layer: undecided, a weight that is no
/// constant, one name with two weights.
FailureOr<QuantizedLayers> collectLayers(ModuleOp module, bool halfScales);

/// External globals that something other than a layer to be quantized reads.
SmallVector<ml_program::GlobalOp> globalsInUse(ModuleOp module, const QuantizedLayers &layers);

} // namespace mlir::fptq

#endif // FPTQ_LIB_QUANTIZE_QUANTIZEDLAYERS_H
