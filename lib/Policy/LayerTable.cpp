//===- LayerTable.cpp - what was decided, as a table ----------------------===//
#include "fptq/Policy/LayerTable.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Policy/Recipe.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatAdapters.h"
#include "llvm/Support/FormatVariadic.h"

#include <map>

using namespace mlir;
using namespace mlir::fptq;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// From IR
//===----------------------------------------------------------------------===//

static void setDecision(LayerRow &row, RangeAttr range, PolicyAttr policy, SchemeAttr scheme) {
  if (range)
    row.range = range.getAbsmax();
  if (policy) {
    row.policy = policyWord(policy.getKind()).str();
    row.reason = policy.getReason().str();
  }
  if (scheme)
    row.groupSize = scheme.getGroupSize();
}

static LayerRow rowOf(LinearOp op) {
  LayerRow row;
  row.name = op.getLayer().str();
  row.k = op.getInputChannels();
  row.n = op.getOutputChannels();
  setDecision(row, op.getRangeAttr(), op.getPolicyAttr(), op.getSchemeAttr());
  return row;
}

/// A quantized or packed matmul: what it was stands in discardable attributes.
template <typename MatmulOp> static LayerRow rowOfMatmul(MatmulOp op, int64_t k) {
  LayerRow row;
  row.name = op.getLayer().str();
  row.k = k;
  row.n = op.getOutputChannels();
  setDecision(row, op->template getAttrOfType<RangeAttr>(FptqDialect::kRangeAttr),
              op->template getAttrOfType<PolicyAttr>(FptqDialect::kPolicyAttr), op.getScheme());
  if (auto error = op->template getAttrOfType<FloatAttr>(FptqDialect::kErrorAttr))
    row.errorDb = error.getValueAsDouble();
  return row;
}

/// The word for a lookup of 4-bit rows, where linears have their policy: it has no activations.
static constexpr StringRef kLookup = "lookup";

/// A lookup in any form: rows of `k` elements, `n` of them.
static LayerRow rowOfLookup(Operation *op, StringRef layer, int64_t k, int64_t n, StringAttr reason,
                            SchemeAttr scheme) {
  LayerRow row;
  row.name = layer.str();
  row.k = k;
  row.n = n;
  if (reason) {
    row.policy = (scheme ? kLookup : policyWord(PolicyKind::Float)).str();
    row.reason = reason.str();
  }
  if (scheme)
    row.groupSize = scheme.getGroupSize();
  if (auto error = op->getAttrOfType<FloatAttr>(FptqDialect::kErrorAttr))
    row.errorDb = error.getValueAsDouble();
  return row;
}

template <typename LookupOpTy> static LayerRow rowOfQuantizedLookup(LookupOpTy op) {
  auto reason = op->template getAttrOfType<StringAttr>(FptqDialect::kReasonAttr);
  return rowOfLookup(op, op.getLayer(), op.getChannels(), op.getRows(),
                     reason ? reason : StringAttr::get(op.getContext(), ""), op.getScheme());
}

std::vector<LayerRow> mlir::fptq::layerRows(ModuleOp module) {
  std::vector<LayerRow> rows;
  llvm::StringSet<> seen;
  auto add = [&](LayerRow row) {
    if (seen.insert(row.name).second) // prefill and decode share their layers
      rows.push_back(std::move(row));
  };
  module.walk([&](Operation *op) {
    if (op->hasAttr(FptqDialect::kPartAttr)) // of a layer that needs several products
      return;
    if (auto linear = dyn_cast<LinearOp>(op))
      add(rowOf(linear));
    else if (auto matmul = dyn_cast<QuantizedMatmulOp>(op))
      add(rowOfMatmul(matmul, matmul.getInputChannels()));
    else if (auto packed = dyn_cast<PackedMatmulOp>(op))
      add(rowOfMatmul(packed, packed.getK()));
    else if (auto lookup = dyn_cast<LookupOp>(op))
      add(rowOfLookup(op, lookup.getLayer(), lookup.getChannels(), lookup.getRows(), lookup.getReasonAttr(),
                      lookup.getSchemeAttr()));
    else if (auto quantized = dyn_cast<QuantizedLookupOp>(op))
      add(rowOfQuantizedLookup(quantized));
    else if (auto packed = dyn_cast<PackedLookupOp>(op))
      add(rowOfQuantizedLookup(packed));
  });
  return rows;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

template <typename T> static json::Value orNull(const std::optional<T> &value) {
  return value ? json::Value(*value) : json::Value(nullptr);
}

static json::Value orNull(const std::string &text) { return text.empty() ? json::Value(nullptr) : json::Value(text); }

json::Value mlir::fptq::layerTable(ArrayRef<LayerRow> rows) {
  json::Array layers;
  json::Object counts;
  for (StringRef word : {"static", "equalized", "per-token", "float"})
    counts[word] = llvm::count_if(rows, [&](const LayerRow &row) { return row.policy == word; });
  if (int64_t lookups = llvm::count_if(rows, [](const LayerRow &row) { return row.policy == kLookup; }))
    counts[kLookup] = lookups;
  for (const LayerRow &row : rows)
    layers.push_back(json::Object{{"name", row.name},
                                  {"k", orNull(row.k)},
                                  {"n", orNull(row.n)},
                                  {"range", orNull(row.range)},
                                  {"policy", orNull(row.policy)},
                                  {"reason", orNull(row.reason)},
                                  {"group_size", orNull(row.groupSize)},
                                  {"error_db", orNull(row.errorDb)}});
  return json::Object{{"layers", std::move(layers)}, {"counts", std::move(counts)}};
}

json::Value mlir::fptq::layerTable(ModuleOp module) { return layerTable(layerRows(module)); }

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

static std::string text(const std::optional<double> &value, const char *format) {
  std::string out = "-";
  if (value) {
    out.clear();
    llvm::raw_string_ostream(out) << llvm::format(format, *value);
  }
  return out;
}

static std::string text(const std::optional<int64_t> &value) { return value ? std::to_string(*value) : "-"; }

static std::string groupText(const LayerRow &row) {
  return row.groupSize == 0 ? "channel" : row.policy == "float" ? "-" : text(row.groupSize);
}

void mlir::fptq::printLayerTable(ArrayRef<LayerRow> rows, raw_ostream &os) {
  size_t width = 5;
  for (const LayerRow &row : rows)
    width = std::max(width, row.name.size());
  auto line = [&](StringRef name, StringRef shape, StringRef range, StringRef policy, StringRef group,
                  StringRef error) {
    std::string text =
        llvm::formatv("{0} {1,13} {2,9} {3,-9} {4,7} {5,9}", llvm::fmt_align(name, llvm::AlignStyle::Left, width),
                      shape, range, policy, group, error);
    os << StringRef(text).rtrim() << "\n";
  };
  line("layer", "K x N", "max |x|", "policy", "group", "error dB");
  for (const LayerRow &row : rows)
    line(row.name, text(row.k) + " x " + text(row.n), text(row.range, "%.4g"), row.policy.empty() ? "-" : row.policy,
         groupText(row), text(row.errorDb, "%.2f"));
  std::map<std::string, int64_t> counts;
  for (const LayerRow &row : rows)
    ++counts[row.policy.empty() ? "undecided" : row.policy];
  os << rows.size() << " layers:";
  for (const auto &[policy, count] : counts)
    os << " " << count << " " << policy;
  os << "\n";
}
