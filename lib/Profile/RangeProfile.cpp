//===- RangeProfile.cpp - find, verify, merge -----------------------------===//
#include "fptq/Profile/RangeProfile.h"
#include "ProfileKeys.h"
#include "fptq/Profile/Observers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

#include <cmath>

using namespace mlir::fptq;
using llvm::StringRef;
using llvm::Twine;

std::string mlir::fptq::sidecarPath(StringRef path) {
  llvm::SmallString<128> sidecar(path);
  llvm::sys::path::replace_extension(sidecar, "safetensors");
  return std::string(sidecar);
}

llvm::Error mlir::fptq::profileError(StringRef file, StringRef layer, StringRef key, const Twine &text) {
  std::string where = file.str();
  if (!layer.empty())
    where += ": layer '" + layer.str() + "'";
  if (!key.empty())
    where += ": " + key.str();
  return llvm::createStringError(where + ": " + text);
}

const LayerRange *RangeProfile::find(StringRef layer) const {
  auto it = llvm::find_if(layers, [&](const LayerRange &range) { return range.layer == layer; });
  return it == layers.end() ? nullptr : &*it;
}

static std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

static llvm::Error verifyChannels(StringRef file, const LayerRange &range) {
  struct Field {
    StringRef key;
    const std::vector<float> &values;
  };
  for (const Field &field : {Field{"channel absmax", range.channelAbsmax}, Field{"channel min", range.channelMin},
                             Field{"channel max", range.channelMax}}) {
    if (!field.values.empty() && (int64_t)field.values.size() != range.channels) // PF5
      return profileError(file, range.layer, field.key,
                          Twine(field.values.size()) + " values for " + Twine(range.channels) + " channels");
    for (auto [k, v] : llvm::enumerate(field.values))
      if (!std::isfinite(v) || (field.key == "channel absmax" && v < 0)) // PF3, PF4
        return profileError(file, range.layer, field.key, "channel " + Twine(k) + " is " + number(v));
  }
  return llvm::Error::success();
}

llvm::Error RangeProfile::verify(StringRef file) const {
  llvm::StringSet<> names;
  for (const LayerRange &range : layers) {
    if (range.layer.empty() || !names.insert(range.layer).second) // PF2
      return profileError(file, range.layer, "name", range.layer.empty() ? "is empty" : "is there twice");
    if (!range.fault.empty())
      return profileError(file, range.layer, "", range.fault);
    for (auto [key, value] :
         {std::pair<StringRef, double>("min", range.min), {"max", range.max}, {"absmax", range.absmax}})
      if (!std::isfinite((float)value)) // PF3; scales are floats
        return profileError(file, range.layer, key,
                            "is " + number(value) + (std::isfinite(value) ? ", more than a float holds" : ""));
    if (range.absmax < 0) // PF4
      return profileError(file, range.layer, "absmax", "is negative: " + number(range.absmax));
    if (range.min > range.max)
      return profileError(file, range.layer, "min", number(range.min) + " is above max " + number(range.max));
    if (range.channels < 0 || range.tokens < 0)
      return profileError(file, range.layer, range.channels < 0 ? "channels" : "tokens", "is negative");
    if (llvm::Error error = verifyChannels(file, range))
      return error;
  }
  return llvm::Error::success();
}

static void mergeVector(std::vector<float> &into, const std::vector<float> &from, float (*pick)(float, float)) {
  if (into.empty() || from.empty()) {
    into.clear(); // known for one run only: no longer known
    return;
  }
  for (auto [a, b] : llvm::zip(into, from))
    a = pick(a, b);
}

static void mergeLayer(LayerRange &into, const LayerRange &from, const Observer &observer) {
  into.tokens += from.tokens;
  into.min = std::min(into.min, from.min);
  into.max = std::max(into.max, from.max);
  auto larger = [](float a, float b) { return std::max(a, b); };
  auto smaller = [](float a, float b) { return std::min(a, b); };
  mergeVector(into.channelAbsmax, from.channelAbsmax, larger);
  mergeVector(into.channelMax, from.channelMax, larger);
  mergeVector(into.channelMin, from.channelMin, smaller);
  bool histograms = !into.histogram.empty() && !from.histogram.empty();
  if (histograms)
    into.histogram.merge(from.histogram);
  // A range that follows from the histogram is computed again; one that does not takes the maximum.
  double seen = std::max(std::fabs(into.min), std::fabs(into.max));
  into.absmax = histograms && observer.followsFromHistogram() ? std::max(observer.absmax(seen, into.histogram), 0.0)
                                                              : std::max(into.absmax, from.absmax);
}

llvm::Error RangeProfile::merge(const RangeProfile &other, StringRef otherFile) {
  if (!modelHash.empty() && !other.modelHash.empty() && modelHash != other.modelHash)
    return profileError(otherFile, "", "model_hash", "is '" + other.modelHash + "', expected '" + modelHash + "'");
  if (observer != other.observer)
    return profileError(otherFile, "", "observer", "is '" + other.observer + "', expected '" + observer + "'");
  llvm::Expected<std::unique_ptr<Observer>> again = Observer::create(observer);
  if (!again)
    return again.takeError();
  for (const LayerRange &range : other.layers) {
    auto mine = llvm::find_if(layers, [&](const LayerRange &r) { return r.layer == range.layer; });
    if (mine == layers.end()) {
      layers.push_back(range);
      continue;
    }
    if (range.isUnseen())
      continue;
    if (mine->isUnseen()) {
      *mine = range;
      continue;
    }
    if (mine->channels != range.channels)
      return profileError(otherFile, range.layer, "channels",
                          "is " + Twine(range.channels) + ", expected " + Twine(mine->channels));
    mergeLayer(*mine, range, **again);
  }
  return llvm::Error::success();
}

llvm::Expected<RangeProfile> RangeProfile::loadMerged(ArrayRef<StringRef> paths) {
  if (paths.empty())
    return llvm::createStringError("no profiles to merge");
  llvm::Expected<RangeProfile> merged = load(paths.front());
  if (!merged)
    return merged;
  for (StringRef path : paths.drop_front()) {
    llvm::Expected<RangeProfile> next = load(path);
    if (!next)
      return next;
    if (llvm::Error error = merged->merge(*next, path))
      return std::move(error);
  }
  return merged;
}
