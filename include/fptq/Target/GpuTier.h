//===- GpuTier.h - tiers that run linears on a GPU or its model -*- C++ -*-===//
#ifndef FPTQ_TARGET_GPUTIER_H
#define FPTQ_TARGET_GPUTIER_H

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace mlir::fptq {

/// `nvptx` and `nvptx-sim`, each with `:CHIP` behind it (nvptx-sim:sm_90a).
struct GpuTier {
  bool simulated;
  std::string chip; ///< empty: sm_80 on the simulator, the device's own otherwise
};

/// Nothing where `tier` is one of the CPU's.
std::optional<GpuTier> parseGpuTier(llvm::StringRef tier);

} // namespace mlir::fptq

#endif // FPTQ_TARGET_GPUTIER_H
