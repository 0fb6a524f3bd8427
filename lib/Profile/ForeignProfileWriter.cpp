//===- ForeignProfileWriter.cpp - profiles for other tools ----------------===//
#include "ForeignProfiles.h"
#include "ProfileKeys.h"
#include "fptq/Support/OutputFile.h"
#include "fptq/Support/Safetensors.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::fptq;
using llvm::StringRef;

llvm::Error RangeProfile::saveChannelMaxima(StringRef path) const {
  if (llvm::Error error = verify(path))
    return error;
  std::vector<SafetensorsWriter::Plan> plan;
  for (const LayerRange &range : layers) {
    if (range.channelAbsmax.empty())
      return profileError(path, range.layer, "absmax", "has no channel maxima, which is all this format holds");
    plan.push_back({range.layer, "F32", {(int64_t)range.channelAbsmax.size()}});
  }
  auto writer = SafetensorsWriter::create(path, plan, {}, /*resume=*/false);
  if (!writer)
    return writer.takeError();
  for (const LayerRange &range : layers) {
    auto *bytes = reinterpret_cast<const char *>(range.channelAbsmax.data());
    if (llvm::Error error =
            (*writer)->write(range.layer, {bytes, range.channelAbsmax.size() * sizeof(range.channelAbsmax[0])}))
      return error;
  }
  return (*writer)->finish();
}

llvm::Error RangeProfile::saveCalibrationTable(StringRef path) const {
  if (llvm::Error error = verify(path))
    return error;
  for (const LayerRange &range : layers)
    if (range.layer.find_first_of(" \t\n#") != std::string::npos)
      return profileError(path, range.layer, "", "a calibration table cannot hold a name with blanks or '#'");
  return writeOutputFile(path, [&](llvm::raw_ostream &os) {
    os << "# op_name threshold min max\n";
    for (const LayerRange &range : layers) // 17 digits: a double comes back as it was
      os << range.layer << llvm::format(" %.17g %.17g %.17g\n", range.absmax, range.min, range.max);
    return llvm::Error::success();
  });
}
