//===- ForeignProfiles.cpp - profiles made elsewhere ----------------------===//
#include "ForeignProfiles.h"
#include "ProfileKeys.h"
#include "fptq/Support/Safetensors.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <cstring>

using namespace mlir::fptq;
using llvm::StringRef;
using llvm::Twine;

llvm::Expected<RangeProfile> mlir::fptq::loadChannelMaxima(StringRef path) {
  auto file = SafetensorsFile::open(path);
  if (!file)
    return file.takeError();
  RangeProfile profile;
  for (const auto &[name, entry] : (*file)->entries()) {
    if (entry.dtype != "F32" || entry.shape.size() != 1)
      return profileError(path, name, "",
                          "a table of channel maxima holds F32 vectors, this is " + entry.dtype + " of rank " +
                              Twine(entry.shape.size()));
    LayerRange range;
    range.layer = name;
    range.channels = entry.shape[0];
    range.channelAbsmax.resize(range.channels);
    std::memcpy(range.channelAbsmax.data(), entry.data.data(), entry.data.size());
    for (float v : range.channelAbsmax)
      range.absmax = std::max(range.absmax, (double)v);
    range.min = -range.absmax; // signs are not in the table
    range.max = range.absmax;
    profile.layers.push_back(std::move(range));
  }
  if (llvm::Error error = profile.verify(path))
    return std::move(error);
  return profile;
}

llvm::Expected<RangeProfile> mlir::fptq::parseCalibrationTable(StringRef text, StringRef path) {
  RangeProfile profile;
  llvm::SmallVector<StringRef> lines;
  text.split(lines, '\n');
  for (auto [number, line] : llvm::enumerate(lines)) {
    line = line.split('#').first.trim();
    if (line.empty())
      continue;
    llvm::SmallVector<StringRef> words;
    line.split(words, ' ', -1, /*KeepEmpty=*/false);
    LayerRange range;
    if (words.size() != 4 || words[1].getAsDouble(range.absmax) || words[2].getAsDouble(range.min) ||
        words[3].getAsDouble(range.max))
      return profileError(path, "", "line " + std::to_string(number + 1),
                          "expected 'name threshold min max', got '" + line + "'");
    range.layer = words[0].str();
    profile.layers.push_back(std::move(range));
  }
  if (profile.layers.empty())
    return profileError(path, "", "",
                        "is no profile: neither JSON nor safetensors, and no line of a calibration table");
  if (llvm::Error error = profile.verify(path))
    return std::move(error);
  return profile;
}
