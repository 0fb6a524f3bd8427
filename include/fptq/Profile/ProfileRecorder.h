//===- ProfileRecorder.h - ranges while a model runs -------------*- C++ -*-===//
#ifndef FPTQ_PROFILE_PROFILERECORDER_H
#define FPTQ_PROFILE_PROFILERECORDER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace mlir::fptq {

class RangeProfile;

/// Gathers what `fptq.observe` sees. The compiled code calls back with rows of a layer's input;
/// thread-safe, because a parallel loop may call from several threads.
class ProfileRecorder {
public:
  /// `observer`: min-max, moving-average, percentile, mse or entropy.
  static llvm::Expected<std::unique_ptr<ProfileRecorder>> create(llvm::StringRef observer);

  /// `data` holds whole rows of `channels` values each.
  void record(llvm::StringRef layer, llvm::ArrayRef<float> data, int64_t channels);

  /// The profile of everything recorded so far.
  RangeProfile profile() const;

  ~ProfileRecorder();

private:
  ProfileRecorder();
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace mlir::fptq

#endif // FPTQ_PROFILE_PROFILERECORDER_H
