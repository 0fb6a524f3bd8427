//===- RangeProfile.h - what a calibration run saw ---------------*- C++ -*-===//
//
// The profile of docs/ProfileFormat.md: ranges at the input of every linear layer.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_PROFILE_RANGEPROFILE_H
#define FPTQ_PROFILE_RANGEPROFILE_H

#include "fptq/Profile/AbsHistogram.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace mlir::fptq {

/// Ranges of one layer's input (tokens x channels).
struct LayerRange {
  std::string layer;
  int64_t channels = 0;    ///< K; 0 where only the whole tensor is known (foreign tables)
  int64_t tokens = 0;      ///< rows seen; 0 where unknown
  double min = 0, max = 0; ///< smallest and largest value
  double absmax = 0;       ///< max |x| after the observer
  std::vector<float> channelAbsmax, channelMin, channelMax; ///< `channels` values each, or empty
  AbsHistogram histogram;                                   ///< of |x|, or empty
  std::string fault; ///< why these ranges may not be used ("3 values are NaN or infinite"), or empty

  /// Profiled, but no token came: to an expert, say. Tables of other tools have no tokens either, but a range.
  bool isUnseen() const { return tokens == 0 && absmax == 0; }
};

/// A whole model's ranges, in the order in which the layers ran.
class RangeProfile {
public:
  static constexpr int64_t kVersion = 1;

  std::string modelHash;            ///< of the model that ran (module attribute `fptq.model_hash`), or empty
  std::string observer = "min-max"; ///< as `Observer::create` reads it
  std::vector<LayerRange> layers;

  const LayerRange *find(llvm::StringRef layer) const;

  /// Reads `path`: our JSON with its sidecar, a SmoothQuant table of channel maxima (safetensors) or
  /// a tpu-mlir calibration table, told apart by content. Errors name file, layer and key.
  static llvm::Expected<RangeProfile> load(llvm::StringRef path);

  /// Reads `paths`, one at least, into one profile (`merge`).
  static llvm::Expected<RangeProfile> loadMerged(llvm::ArrayRef<llvm::StringRef> paths);

  /// Writes `path` and, beside it, the sidecar `path` with the extension `.safetensors`.
  llvm::Error save(llvm::StringRef path) const;

  /// For other tools: SmoothQuant's table of channel maxima, which every layer must have, and tpu-mlir's
  /// calibration table, which holds no channels.
  llvm::Error saveChannelMaxima(llvm::StringRef path) const;
  llvm::Error saveCalibrationTable(llvm::StringRef path) const;

  /// Adds the ranges of another run of the same model: maxima of maxima, sums of counts, and the
  /// observer applied again to the summed histogram, or where it does not follow from that (a moving
  /// average) the larger of both. Refuses another model or observer.
  llvm::Error merge(const RangeProfile &other, llvm::StringRef otherFile);

  /// Whether the safetensors file `path` has the vectors of some profile.
  static bool isSidecar(llvm::StringRef path);

  /// (PF1..PF7) of docs/ProfileFormat.md; errors start with `file`.
  llvm::Error verify(llvm::StringRef file) const;
};

} // namespace mlir::fptq

#endif // FPTQ_PROFILE_RANGEPROFILE_H
