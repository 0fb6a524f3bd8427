//===- Safetensors.cpp - mapped reading -----------------------------------===//
#include "fptq/Support/Safetensors.h"
#include "fptq/Support/InputFile.h"
#include "fptq/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace mlir::fptq;

/// Upstream's own limit: a longer header is a broken length, not a model.
static constexpr uint64_t kMaxHeaderBytes = 100'000'000;

int64_t mlir::fptq::safetensorsElementBytes(StringRef dtype) {
  return StringSwitch<int64_t>(dtype)
      .Cases({"BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2"}, 1)
      .Cases({"I16", "U16", "F16", "BF16"}, 2)
      .Cases({"I32", "U32", "F32"}, 4)
      .Cases({"I64", "U64", "F64"}, 8)
      .Default(0);
}

int64_t SafetensorsEntry::numElements() const {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

template <typename... Args> static Error fileError(StringRef path, const Args &...args) {
  std::string text;
  raw_string_ostream os(text);
  os << path << ": ";
  (os << ... << args);
  return createStringError(text);
}

/// Reads "shape"; false unless it is an array of sizes whose product fits in 63 bits.
static bool readShape(const json::Object &tensor, SafetensorsEntry &entry) {
  const json::Array *shape = tensor.getArray("shape");
  if (!shape)
    return false;
  int64_t product = 1;
  for (const json::Value &d : *shape) {
    std::optional<int64_t> size = d.getAsInteger();
    if (!size || *size < 0 || MulOverflow(product, *size, product))
      return false;
    entry.shape.push_back(*size);
  }
  return true;
}

/// One tensor of the header, checked against the bytes that follow the header.
static Error readEntry(StringRef path, StringRef key, const json::Value &value, ArrayRef<char> bytes,
                       SafetensorsEntry &entry) {
  const json::Object *tensor = value.getAsObject();
  std::optional<StringRef> dtype = tensor ? tensor->getString("dtype") : std::nullopt;
  const json::Array *offsets = tensor ? tensor->getArray("data_offsets") : nullptr;
  if (!dtype || !offsets || offsets->size() != 2 || !readShape(*tensor, entry))
    return fileError(path, "tensor '", key, "' has no valid dtype, shape and data_offsets");
  entry.dtype = dtype->str();
  int64_t width = safetensorsElementBytes(*dtype);
  if (!width)
    return fileError(path, "tensor '", key, "' has unsupported dtype '", *dtype, "'");
  std::optional<int64_t> begin = (*offsets)[0].getAsInteger(), end = (*offsets)[1].getAsInteger();
  if (!begin || !end || *begin < 0 || *end < *begin || (uint64_t)*end > bytes.size())
    return fileError(path, "tensor '", key, "' lies outside the file: data_offsets [", begin.value_or(-1), ", ",
                     end.value_or(-1), "], data has ", bytes.size(), " bytes");
  int64_t expected;
  if (MulOverflow(entry.numElements(), width, expected) || expected != *end - *begin)
    return fileError(path, "tensor '", key, "' has ", *end - *begin, " bytes, its shape and dtype ", *dtype, " need ",
                     entry.numElements(), " x ", width);
  entry.data = bytes.slice(*begin, *end - *begin);
  return Error::success();
}

/// Two tensors that share bytes are a lie or an attack. `tensors` are in the order of their bytes.
static Error checkOverlaps(StringRef path, ArrayRef<std::pair<std::string, SafetensorsEntry>> tensors) {
  const std::pair<std::string, SafetensorsEntry> *before = nullptr;
  for (const auto &tensor : tensors) {
    if (tensor.second.data.empty())
      continue;
    if (before && tensor.second.data.begin() < before->second.data.end())
      return fileError(path, "tensors '", before->first, "' and '", tensor.first, "' overlap");
    before = &tensor;
  }
  return Error::success();
}

namespace {
/// A file cut in two.
struct Parts {
  json::Object header;
  ArrayRef<char> bytes;
};
} // namespace

static Expected<Parts> cutHeader(StringRef path, StringRef all) {
  if (all.size() < 8)
    return fileError(path, "is no safetensors file: ", all.size(), " bytes");
  uint64_t length = support::endian::read64le(all.data());
  if (length > all.size() - 8 || length > kMaxHeaderBytes)
    return fileError(path, "truncated or no safetensors file: header of ", length, " bytes, file has ", all.size());
  Expected<json::Value> header = parseJson(all.substr(8, length).rtrim());
  if (!header)
    return fileError(path, "header is not JSON: ", toString(header.takeError()));
  json::Object *object = header->getAsObject();
  if (!object)
    return fileError(path, "header is not a JSON object");
  return Parts{std::move(*object), ArrayRef<char>(all.data(), all.size()).drop_front(8 + length)};
}

Expected<std::shared_ptr<SafetensorsFile>> SafetensorsFile::open(StringRef path) {
  auto buffer = readInputFile(path, /*mapped=*/true);
  if (!buffer)
    return fileError(path, toString(buffer.takeError()));
  Expected<Parts> parts = cutHeader(path, (*buffer)->getBuffer());
  if (!parts)
    return parts.takeError();
  std::shared_ptr<SafetensorsFile> file(new SafetensorsFile);
  file->fileName = path.str();
  for (auto &[key, value] : parts->header) {
    if (key == "__metadata__") {
      if (const json::Object *metadata = value.getAsObject())
        for (auto &[name, text] : *metadata)
          file->meta[name.str()] = text.getAsString().value_or("").str();
      continue;
    }
    SafetensorsEntry entry;
    if (Error e = readEntry(path, key.str(), value, parts->bytes, entry))
      return std::move(e);
    file->tensors.emplace_back(key.str(), std::move(entry));
  }
  // JSON objects are unordered; the order of the bytes is the one their writer meant.
  llvm::sort(file->tensors, [](auto &a, auto &b) {
    return std::make_pair(a.second.data.begin(), StringRef(a.first)) <
           std::make_pair(b.second.data.begin(), StringRef(b.first));
  });
  for (auto [i, tensor] : llvm::enumerate(file->tensors))
    file->index[tensor.first] = i;
  if (Error e = checkOverlaps(path, file->tensors))
    return std::move(e);
  file->buffer = std::move(*buffer);
  return file;
}

const SafetensorsEntry *SafetensorsFile::find(StringRef key) const {
  auto it = index.find(key);
  return it == index.end() ? nullptr : &tensors[it->second].second;
}

SafetensorsFile::~SafetensorsFile() = default;
