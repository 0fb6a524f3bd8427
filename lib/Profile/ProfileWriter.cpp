//===- ProfileWriter.cpp - JSON and its sidecar ---------------------------===//
#include "ProfileKeys.h"
#include "fptq/Profile/RangeProfile.h"
#include "fptq/Support/OutputFile.h"
#include "fptq/Support/Safetensors.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace mlir::fptq;
using llvm::StringRef;

namespace {
/// What goes into the sidecar, collected while the plan is made.
struct Sidecar {
  std::vector<SafetensorsWriter::Plan> plan;
  std::vector<llvm::ArrayRef<char>> data;

  template <typename T> void add(std::string key, StringRef dtype, llvm::ArrayRef<T> values) {
    if (values.empty())
      return;
    plan.push_back({std::move(key), dtype.str(), {(int64_t)values.size()}});
    data.push_back({reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)});
  }
};
} // namespace

static bool isVectorOfProfile(StringRef tensor) {
  return llvm::any_of(kSidecarSuffixes, [&](StringRef suffix) { return tensor.ends_with(suffix); });
}

bool RangeProfile::isSidecar(StringRef path) {
  auto there = SafetensorsFile::open(path);
  if (!there)
    return llvm::consumeError(there.takeError()), false;
  return llvm::any_of((*there)->entries(), [](const auto &entry) { return isVectorOfProfile(entry.first); });
}

/// An error where the name that is left for the sidecar is taken by something else, such as the model's own weights.
static llvm::Error checkSidecar(StringRef path, StringRef sidecarFile) {
  if (sidecarFile == path)
    return profileError(path, "", "", "a profile is JSON; its sidecar takes the name '" + sidecarFile + "'");
  auto there = SafetensorsFile::open(sidecarFile);
  if (!there) {
    llvm::consumeError(there.takeError());
    return llvm::Error::success();
  }
  for (const auto &entry : (*there)->entries())
    if (!isVectorOfProfile(entry.first))
      return profileError(path, "", "",
                          "its sidecar would replace '" + sidecarFile + "', which has the tensor '" + entry.first +
                              "' and is no profile's; give the profile another name");
  return llvm::Error::success();
}

static llvm::Error writeSidecar(StringRef path, const Sidecar &sidecar) {
  auto writer = SafetensorsWriter::create(path, sidecar.plan, {}, /*resume=*/false);
  if (!writer)
    return writer.takeError();
  for (auto [plan, bytes] : llvm::zip(sidecar.plan, sidecar.data))
    if (llvm::Error error = (*writer)->write(plan.key, bytes))
      return error;
  return (*writer)->finish();
}

static void writeLayer(llvm::json::OStream &json, const LayerRange &range) {
  json.object([&] {
    json.attribute("name", range.layer);
    json.attribute("channels", range.channels);
    json.attribute("tokens", range.tokens);
    json.attribute("min", range.min);
    json.attribute("max", range.max);
    json.attribute("absmax", range.absmax);
    if (!range.histogram.empty())
      json.attribute("histogram_exponent", range.histogram.getExponent());
  });
}

llvm::Error RangeProfile::save(StringRef path) const {
  if (llvm::Error error = verify(path)) // a faulty run leaves nothing behind
    return error;
  Sidecar sidecar;
  for (const LayerRange &range : layers) {
    sidecar.add<float>(range.layer + kAbsmaxSuffix.str(), "F32", range.channelAbsmax);
    sidecar.add<float>(range.layer + kMinSuffix.str(), "F32", range.channelMin);
    sidecar.add<float>(range.layer + kMaxSuffix.str(), "F32", range.channelMax);
    sidecar.add<int64_t>(range.layer + kHistogramSuffix.str(), "I64", range.histogram.getBins());
  }
  std::string sidecarFile = sidecarPath(path);
  if (llvm::Error error = checkSidecar(path, sidecarFile))
    return error;
  if (llvm::Error error = writeSidecar(sidecarFile, sidecar))
    return error;
  return writeOutputFile(path, [&](llvm::raw_ostream &os) {
    llvm::json::OStream json(os, /*IndentSize=*/1);
    json.object([&] {
      json.attribute("format", kProfileFormat);
      json.attribute("version", kVersion);
      json.attribute("model_hash", modelHash);
      json.attribute("observer", observer);
      json.attribute("sidecar", llvm::sys::path::filename(sidecarFile));
      json.attributeArray("layers", [&] {
        for (const LayerRange &range : layers)
          writeLayer(json, range);
      });
    });
    os << "\n";
    return llvm::Error::success();
  });
}
