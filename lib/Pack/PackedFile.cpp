//===- PackedFile.cpp - packed weights outside a module -------------------===//
#include "fptq/Pack/PackedFile.h"
#include "fptq/IR/Limits.h"
#include "fptq/Support/Json.h"
#include "fptq/Support/Safetensors.h"

using namespace mlir::fptq;
using llvm::StringRef;
namespace json = llvm::json;

static constexpr char kFormat[] = "fptq-packed", kVersion[] = "2", kLayerPrefix[] = "layer.";

static llvm::Error fileError(StringRef path, StringRef layer, const llvm::Twine &text) {
  return llvm::createStringError(path + ": layer '" + layer + "': " + text);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static std::string describe(const PackedWeight &weight) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << json::Value(json::Object{{"layout", llvm::StringRef(layoutName(weight.layout))},
                                 {"n", weight.shape.n},
                                 {"k", weight.shape.k},
                                 {"group_size", weight.shape.groupSize},
                                 {"two_level", weight.shape.twoLevel},
                                 {"symmetric", weight.shape.symmetric},
                                 {"half_scales", weight.shape.halfScales}});
  return text;
}

llvm::Error mlir::fptq::writePackedFile(StringRef path, llvm::ArrayRef<PackedWeight> weights, StringRef modelHash) {
  std::vector<SafetensorsWriter::Plan> plan;
  llvm::StringMap<std::string> metadata;
  metadata["format"] = kFormat;
  metadata["version"] = kVersion;
  if (!modelHash.empty())
    metadata["model_hash"] = modelHash.str();
  for (const PackedWeight &weight : weights) {
    plan.push_back({weight.layer + ".packed", "U8", {(int64_t)weight.bytes.size()}});
    metadata[kLayerPrefix + weight.layer] = describe(weight);
  }
  auto writer = SafetensorsWriter::create(path, plan, metadata, /*resume=*/false);
  if (!writer)
    return writer.takeError();
  for (const auto &[entry, weight] : llvm::zip_equal(plan, weights))
    if (llvm::Error error = (*writer)->write(entry.key, weight.bytes))
      return error;
  return (*writer)->finish();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static llvm::Expected<PackedWeight> readWeight(const SafetensorsFile &file, StringRef layer, StringRef description) {
  PackedWeight weight;
  weight.layer = layer.str();
  auto parsed = parseJson(description);
  if (!parsed)
    return fileError(file.path(), layer, llvm::toString(parsed.takeError()));
  json::Path::Root root("description");
  json::ObjectMapper map(*parsed, root);
  std::string layout;
  PackedShape &shape = weight.shape;
  if (!map || !map.map("layout", layout) || !map.map("n", shape.n) || !map.map("k", shape.k) ||
      !map.map("group_size", shape.groupSize) || !map.map("two_level", shape.twoLevel) ||
      !map.map("symmetric", shape.symmetric) || !map.map("half_scales", shape.halfScales))
    return fileError(file.path(), layer, llvm::toString(root.getError()));
  std::optional<Layout> known = parseLayout(layout);
  if (!known)
    return fileError(file.path(), layer, unknownLayout(layout));
  weight.layout = *known;
  // K as in (QM5); N only so that no product of sizes overflows before the bytes are compared.
  if (shape.k < 1 || shape.k > kMaxInputChannels || shape.n < 1 || shape.n > (1 << 24) || shape.groupSize < 1 ||
      shape.groupSize > shape.k)
    return fileError(file.path(), layer,
                     "no weight is " + llvm::Twine(shape.n) + " x " + llvm::Twine(shape.k) + " in groups of " +
                         llvm::Twine(shape.groupSize));
  const SafetensorsEntry *entry = file.find(weight.layer + ".packed");
  if (!entry || entry->dtype != "U8")
    return fileError(file.path(), layer, "has no bytes '" + weight.layer + ".packed'");
  int64_t expected = packedBytes(weight.layout, shape);
  if ((int64_t)entry->data.size() != expected)
    return fileError(file.path(), layer,
                     "has " + llvm::Twine(entry->data.size()) + " bytes, layout '" + layout + "' needs " +
                         llvm::Twine(expected));
  weight.bytes = entry->data;
  return weight;
}

static llvm::Expected<std::vector<PackedWeight>> readWeights(const SafetensorsFile &file) {
  if (file.metadata().lookup("format") != kFormat || file.metadata().lookup("version") != kVersion)
    return llvm::createStringError(file.path() + ": is no file of packed weights: expected format '" + kFormat +
                                   "', version " + kVersion + " in its metadata");
  std::vector<PackedWeight> weights;
  for (const auto &[key, tensor] : file.entries()) { // the order of the bytes, not of a hash table
    StringRef layer = key;
    if (!layer.consume_back(".packed"))
      return llvm::createStringError(file.path() + ": unexpected tensor '" + key + "'");
    auto weight = readWeight(file, layer, file.metadata().lookup((kLayerPrefix + layer).str()));
    if (!weight)
      return weight.takeError();
    weights.push_back(std::move(*weight));
  }
  return weights;
}

//===----------------------------------------------------------------------===//
// Unpacking
//===----------------------------------------------------------------------===//

namespace {
/// One operand of `fptq.quantized_matmul`, empty where the scheme has none.
struct Operand {
  const char *suffix, *dtype;
  llvm::SmallVector<int64_t> shape;

  SafetensorsWriter::Plan plan(StringRef layer) const { return {(layer + suffix).str(), dtype, shape}; }
  int64_t bytes() const {
    int64_t product = safetensorsElementBytes(dtype);
    for (int64_t size : shape)
      product *= size;
    return product;
  }
};
} // namespace

static llvm::SmallVector<Operand, 4> operandsOf(const PackedShape &s) {
  int64_t groups = (s.k + s.groupSize - 1) / s.groupSize;
  llvm::SmallVector<int64_t> perGroup = {s.n, groups};
  llvm::SmallVector<Operand, 4> operands;
  operands.push_back({".codes", "U8", {s.n, (groups * s.groupSize + 1) / 2}});
  operands.push_back(
      {".scales", s.halfScales ? "F16" : "F32", s.twoLevel ? llvm::SmallVector<int64_t>{s.n} : perGroup});
  if (!s.symmetric || s.twoLevel)
    operands.push_back({".zeros", "U8", perGroup});
  if (s.twoLevel)
    operands.push_back({".multipliers", "U8", perGroup});
  return operands;
}

static llvm::Error unpackWeight(const PackedWeight &weight, SafetensorsWriter &writer) {
  auto operands = operandsOf(weight.shape);
  std::vector<std::vector<uint8_t>> data;
  for (const Operand &operand : operands)
    data.emplace_back(operand.bytes());
  auto at = [&](size_t i) { return i < data.size() ? data[i].data() : nullptr; };
  unpackWeights(weight.layout, weight.shape, reinterpret_cast<const uint8_t *>(weight.bytes.data()),
                {at(0), at(1), at(2), at(3)});
  for (const auto &[operand, bytes] : llvm::zip_equal(operands, data)) {
    llvm::ArrayRef<char> view(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    if (llvm::Error error = writer.write(operand.plan(weight.layer).key, view))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error mlir::fptq::unpackFile(StringRef packed, StringRef portable) {
  auto file = SafetensorsFile::open(packed);
  if (!file)
    return file.takeError();
  auto weights = readWeights(**file);
  if (!weights)
    return weights.takeError();
  std::vector<SafetensorsWriter::Plan> plan;
  for (const PackedWeight &weight : *weights)
    for (const Operand &operand : operandsOf(weight.shape))
      plan.push_back(operand.plan(weight.layer));
  auto writer = SafetensorsWriter::create(portable, plan, {}, /*resume=*/false);
  if (!writer)
    return writer.takeError();
  for (const PackedWeight &weight : *weights)
    if (llvm::Error error = unpackWeight(weight, **writer))
      return error;
  return (*writer)->finish();
}
