//===- LayerTable.h - what was decided, as a table ---------------*- C++ -*-===//
#ifndef FPTQ_POLICY_LAYERTABLE_H
#define FPTQ_POLICY_LAYERTABLE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace mlir::fptq {

/// One layer of a report. What is unknown is null in JSON and "-" in text.
struct LayerRow {
  std::string name;
  std::optional<int64_t> k, n;
  std::optional<double> range; ///< max |x| at the input
  std::string policy; ///< static, equalized, per-token, float, lookup (of 4-bit rows), or empty before the policy stage
  std::string reason;
  std::optional<int64_t> groupSize; ///< 0: per channel
  bool quantized = false;           ///< its weight is codes by now
  std::optional<double> errorDb;    ///< 10 log10 of the quantized weight's error against the weight; below 0
};

/// The linears and lookups of `module` in order, before, after or in the middle of quantization. Quantized
/// layers carry what they were as discardable attributes `fptq.range`, `fptq.policy`, `fptq.error_db`.
std::vector<LayerRow> layerRows(ModuleOp module);

/// `{"layers": [{"name", "k", "n", "range", "policy", "reason", "group_size", "quantized", "error_db"}],
///   "counts": {"static": 4, ...}}`.
llvm::json::Value layerTable(llvm::ArrayRef<LayerRow> rows);
llvm::json::Value layerTable(ModuleOp module);

/// The same for people: a line a layer, columns aligned, and the counts.
void printLayerTable(llvm::ArrayRef<LayerRow> rows, llvm::raw_ostream &os);

} // namespace mlir::fptq

#endif // FPTQ_POLICY_LAYERTABLE_H
