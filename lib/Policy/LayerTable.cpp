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

/// The word for a lookup of 4-bit rows, where linears have their policy: it has no activations.
static constexpr StringRef kLookup = "lookup";

static StringRef policyOf(LayerOpInterface layer) {
  if (PolicyAttr policy = layer.getPolicyAttr())
    return policyWord(policy.getKind());
  if (layer.getLayerKind() != LayerKind::Lookup)
    return "";
  return layer.getSchemeAttr() ? kLookup : layer.getReasonAttr() ? policyWord(PolicyKind::Float) : "";
}

static std::optional<int64_t> known(int64_t size) {
  return ShapedType::isDynamic(size) ? std::nullopt : std::optional(size);
}

static LayerRow rowOf(LayerOpInterface layer) {
  LayerRow row;
  row.name = layer.getLayer().str();
  row.k = known(layer.getWeightColumns());
  row.n = known(layer.getWeightRows());
  row.policy = policyOf(layer).str();
  row.quantized = !layer.getFloatWeight();
  if (RangeAttr range = layer.getRangeAttr())
    row.range = range.getAbsmax();
  if (StringAttr reason = layer.getReasonAttr())
    row.reason = reason.str();
  if (SchemeAttr scheme = layer.getSchemeAttr())
    row.groupSize = scheme.getGroupSize();
  if (auto error = layer->getAttrOfType<FloatAttr>(FptqDialect::kErrorAttr))
    row.errorDb = error.getValueAsDouble();
  return row;
}

std::vector<LayerRow> mlir::fptq::layerRows(ModuleOp module) {
  std::vector<LayerRow> rows;
  llvm::StringSet<> seen;
  module.walk([&](LayerOpInterface layer) {
    // Not the parts of a layer that needs several products. Prefill and decode share their layers.
    if (!layer->hasAttr(FptqDialect::kPartAttr) && seen.insert(layer.getLayer()).second)
      rows.push_back(rowOf(layer));
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
                                  {"quantized", row.quantized},
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
