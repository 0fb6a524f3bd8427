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

/// The same rounding as arithmetic, for loops that must become vectors on a baseline x86-64 (which has
/// no rounding instruction): adding 1.5 * 2^23 leaves no fraction bits. For |value| < 2^22.
inline float roundSmall(float value) {
  constexpr float kMagic = 12582912.0f;
  return (value + kMagic) - kMagic;
}

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_ROUNDING_H
