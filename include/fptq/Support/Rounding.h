//===- Rounding.h - the one rounding rule ------------------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_ROUNDING_H
#define FPTQ_SUPPORT_ROUNDING_H

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace mlir::fptq {

/// Round half to even, then saturate to [low, high]; NaN gives 0. Every quantizer of this project
/// rounds here, so that no two stages can disagree about a tie. Relies on the default rounding
/// mode, which nothing in this project changes.
inline int32_t roundAndSaturate(float value, int32_t low, int32_t high) {
  if (std::isnan(value))
    return 0;
  return static_cast<int32_t>(std::nearbyintf(std::clamp(value, static_cast<float>(low), static_cast<float>(high))));
}

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_ROUNDING_H
