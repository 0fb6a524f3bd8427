//===- ProfileReader.cpp - JSON and its sidecar ---------------------------===//
#include "ForeignProfiles.h"
#include "ProfileKeys.h"
#include "fptq/Profile/Observers.h"
#include "fptq/Support/InputFile.h"
#include "fptq/Support/Json.h"
#include "fptq/Support/Safetensors.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <cstring>

using namespace mlir::fptq;
using llvm::StringRef;
using llvm::Twine;
namespace json = llvm::json;

/// A field that must be there; strings like "NaN" (JSON has no such number) are refused as what they are.
static llvm::Error readNumber(const json::Object &object, StringRef file, StringRef layer, StringRef key, double &out) {
  const json::Value *value = object.get(key);
  if (!value)
    return profileError(file, layer, key, "is missing");
  if (auto number = value->getAsNumber()) {
    out = *number;
    return llvm::Error::success();
  }
  if (auto text = value->getAsString())
    return profileError(file, layer, key, "is '" + *text + "', expected a number");
  return profileError(file, layer, key, "is no number");
}

static llvm::Error readCount(const json::Object &object, StringRef file, StringRef layer, StringRef key, int64_t &out) {
  double number = 0; // for its errors
  if (llvm::Error error = readNumber(object, file, layer, key, number))
    return error;
  std::optional<int64_t> count = object.getInteger(key);
  if (!count)
    return profileError(file, layer, key, "is no integer: " + llvm::formatv("{0}", number).str());
  out = *count;
  return llvm::Error::success();
}

/// A field that may be missing, and is text where it is not.
static llvm::Error readText(const json::Object &object, StringRef file, StringRef key, std::optional<StringRef> &out) {
  const json::Value *value = object.get(key);
  if (value && !value->getAsString())
    return profileError(file, "", key, "is " + llvm::formatv("{0}", *value).str() + ", expected a string");
  out = object.getString(key);
  return llvm::Error::success();
}

/// Copies a sidecar tensor; one that is not there leaves `out` empty.
template <typename T>
static llvm::Error readTensor(const SafetensorsFile &sidecar, StringRef layer, StringRef suffix, StringRef dtype,
                              std::vector<T> &out) {
  const SafetensorsEntry *entry = sidecar.find((layer + suffix).str());
  if (!entry)
    return llvm::Error::success();
  if (entry->dtype != dtype || entry->shape.size() != 1)
    return profileError(sidecar.path(), layer, suffix, "is " + entry->dtype + ", expected a vector of " + dtype);
  out.resize(entry->numElements());
  std::memcpy(out.data(), entry->data.data(), entry->data.size());
  return llvm::Error::success();
}

static llvm::Error readLayer(const json::Value &value, StringRef file, const SafetensorsFile *sidecar,
                             LayerRange &range) {
  const json::Object *object = value.getAsObject();
  auto name = object ? object->getString("name") : std::nullopt;
  if (!name)
    return profileError(file, "", "layers", "has an entry without a name");
  range.layer = name->str();
  for (auto [key, out] : {std::pair<StringRef, int64_t *>("channels", &range.channels), {"tokens", &range.tokens}})
    if (llvm::Error error = readCount(*object, file, range.layer, key, *out))
      return error;
  for (auto [key, out] :
       {std::pair<StringRef, double *>("min", &range.min), {"max", &range.max}, {"absmax", &range.absmax}})
    if (llvm::Error error = readNumber(*object, file, range.layer, key, *out))
      return error;
  if (!sidecar)
    return llvm::Error::success();
  std::vector<int64_t> bins;
  if (llvm::Error error = readTensor(*sidecar, range.layer, kAbsmaxSuffix, "F32", range.channelAbsmax))
    return error;
  if (llvm::Error error = readTensor(*sidecar, range.layer, kMinSuffix, "F32", range.channelMin))
    return error;
  if (llvm::Error error = readTensor(*sidecar, range.layer, kMaxSuffix, "F32", range.channelMax))
    return error;
  if (llvm::Error error = readTensor(*sidecar, range.layer, kHistogramSuffix, "I64", bins))
    return error;
  auto exponent = object->getInteger("histogram_exponent");
  if (bins.empty())
    return llvm::Error::success();
  if (!exponent) // PF3
    return profileError(file, range.layer, "histogram_exponent", "is missing or no integer");
  if ((int64_t)bins.size() != AbsHistogram::kBins) // PF6
    return profileError(file, range.layer, "histogram",
                        Twine(bins.size()) + " bins, expected " + Twine(AbsHistogram::kBins));
  if (llvm::any_of(bins, [](int64_t count) { return count < 0; }))
    return profileError(file, range.layer, "histogram", "has a negative count");
  if (*exponent < AbsHistogram::kMinExponent || *exponent > AbsHistogram::kMaxExponent)
    return profileError(file, range.layer, "histogram_exponent",
                        "is " + Twine(*exponent) + ", expected " + Twine(AbsHistogram::kMinExponent) + ".." +
                            Twine(AbsHistogram::kMaxExponent));
  range.histogram = AbsHistogram((int)*exponent, std::move(bins));
  return llvm::Error::success();
}

static llvm::Expected<RangeProfile> parseProfile(const json::Value &value, StringRef path) {
  const json::Object *object = value.getAsObject();
  if (!object || object->getString("format") != StringRef(kProfileFormat))
    return profileError(path, "", "format", "is not '" + kProfileFormat + "'");
  auto version = object->getInteger("version");
  if (!version || *version != RangeProfile::kVersion) // PF1
    return profileError(path, "", "version",
                        "is " + (version ? Twine(*version) : Twine("missing")) + ", this program reads " +
                            Twine(RangeProfile::kVersion));
  RangeProfile profile;
  std::optional<StringRef> hash, observer, sidecarName;
  for (auto [key, out] : {std::pair<StringRef, std::optional<StringRef> *>("model_hash", &hash),
                          {"observer", &observer},
                          {"sidecar", &sidecarName}})
    if (llvm::Error error = readText(*object, path, key, *out))
      return std::move(error);
  profile.modelHash = hash.value_or("").str();
  profile.observer = observer.value_or("min-max").str();
  if (auto known = Observer::create(profile.observer); !known) // PF9
    return profileError(path, "", "observer", llvm::toString(known.takeError()));
  std::shared_ptr<SafetensorsFile> sidecar;
  if (sidecarName) {
    if (llvm::sys::path::filename(*sidecarName) != *sidecarName) // PF8
      return profileError(path, "", "sidecar", "is no file name: " + *sidecarName);
    llvm::SmallString<128> file(llvm::sys::path::parent_path(path));
    llvm::sys::path::append(file, *sidecarName);
    auto opened = SafetensorsFile::open(file);
    if (!opened)
      return profileError(path, "", "sidecar", llvm::toString(opened.takeError()));
    sidecar = std::move(*opened);
  }
  const json::Array *layers = object->getArray("layers");
  if (!layers)
    return profileError(path, "", "layers", "is missing");
  for (const json::Value &layer : *layers) {
    profile.layers.emplace_back();
    if (llvm::Error error = readLayer(layer, path, sidecar.get(), profile.layers.back()))
      return std::move(error);
  }
  if (llvm::Error error = profile.verify(path))
    return std::move(error);
  return profile;
}

llvm::Expected<RangeProfile> RangeProfile::load(StringRef path) {
  auto buffer = readInputFile(path);
  if (!buffer)
    return profileError(path, "", "", llvm::toString(buffer.takeError()));
  StringRef text = (*buffer)->getBuffer();
  if (text.ltrim().starts_with("{")) {
    auto value = parseJson(text);
    if (!value)
      return profileError(path, "", "", "is not JSON: " + llvm::toString(value.takeError()));
    return parseProfile(*value, path);
  }
  // A safetensors file begins with the length of its header, which is followed by '{'.
  if (text.size() > 8 && text[8] == '{' && llvm::support::endian::read64le(text.data()) < text.size())
    return loadChannelMaxima(path);
  return parseCalibrationTable(text, path);
}
