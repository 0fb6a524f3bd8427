//===- FileCommands.cpp - profiles and shards, without a module -----------===//
#include "Commands.h"
#include "fptq/Profile/RangeProfile.h"
#include "fptq/Support/OutputFile.h"
#include "fptq/Support/Safetensors.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <map>

using namespace mlir::fptq;
using llvm::StringRef;

static llvm::Expected<ProfileFormat> formatOf(StringRef path) {
  StringRef extension = llvm::sys::path::extension(path);
  if (extension == ".json")
    return ProfileFormat::Fptq;
  if (extension == ".safetensors")
    return ProfileFormat::ChannelMaxima;
  if (extension == ".txt" || path.ends_with("_table"))
    return ProfileFormat::CalibrationTable;
  return llvm::createStringError(path + ": say --to: no profile format is known by the extension '" + extension + "'");
}

llvm::Error mlir::fptq::translateProfiles(llvm::ArrayRef<std::string> inputs, StringRef output, ProfileFormat format) {
  if (format == ProfileFormat::ByExtension) {
    auto known = formatOf(output);
    if (!known)
      return known.takeError();
    format = *known;
  }
  auto profile = RangeProfile::loadMerged(llvm::to_vector_of<StringRef>(inputs));
  if (!profile)
    return profile.takeError();
  switch (format) {
  case ProfileFormat::ChannelMaxima:
    return profile->saveChannelMaxima(output);
  case ProfileFormat::CalibrationTable:
    return profile->saveCalibrationTable(output);
  default:
    return profile->save(output);
  }
}

/// The folder of a file, however it is spelled.
static std::string folderOf(StringRef path) {
  llvm::SmallString<128> absolute(path);
  if (llvm::sys::fs::make_absolute(absolute)) // no working directory: compare as it is
    return llvm::sys::path::parent_path(path).str();
  llvm::sys::path::remove_dots(absolute, /*remove_dot_dot=*/true);
  return llvm::sys::path::parent_path(absolute).str();
}

llvm::Error mlir::fptq::writeShardIndex(llvm::ArrayRef<std::string> shards, StringRef output) {
  std::map<std::string, std::string> fileOf; // sorted, as Hugging Face writes it
  std::string hash, hashFile;
  int64_t total = 0;
  for (StringRef shard : shards) {
    auto file = SafetensorsFile::open(shard);
    if (!file)
      return file.takeError();
    std::string own = (*file)->metadata().lookup("model_hash");
    StringRef name = llvm::sys::path::filename(shard);
    if (folderOf(shard) != folderOf(output)) // the index names files beside itself
      return llvm::createStringError(shard + ": is not in the folder of the index " + output);
    if (!own.empty() && !hash.empty() && own != hash)
      return llvm::createStringError(shard + ": model_hash: '" + own + "' is another model's than '" + hash + "' of " +
                                     hashFile);
    if (!own.empty())
      hash = own, hashFile = shard.str();
    for (const auto &[key, entry] : (*file)->entries()) {
      auto [at, isNew] = fileOf.emplace(key, name.str());
      if (!isNew)
        return llvm::createStringError(shard + ": tensor '" + key + "' is in '" + at->second + "' too");
      total += entry.data.size();
    }
  }
  return writeOutputFile(output, [&](llvm::raw_ostream &os) {
    llvm::json::OStream json(os, /*IndentSize=*/2);
    json.object([&] {
      json.attributeObject("metadata", [&] {
        json.attribute("total_size", total);
        if (!hash.empty())
          json.attribute("model_hash", hash);
      });
      json.attributeObject("weight_map", [&] {
        for (const auto &[key, file] : fileOf)
          json.attribute(key, file);
      });
    });
    os << "\n";
    return llvm::Error::success();
  });
}
