//===- Candidates.cpp - ways to quantize one group ------------------------===//
#include "Candidates.h"
#include "fptq/Support/Rounding.h"

#include <algorithm>
#include <cmath>

using namespace mlir::fptq;

int32_t mlir::fptq::codeOf(float value, float scale, int32_t zero) {
  return roundAndSaturate(value / scale + static_cast<float>(zero), 0, 15);
}

/// Below half of it floats round to zero in f16: as a scale it still leaves something of such weights.
static constexpr float kSmallestHalf = 0x1p-24f;

float mlir::fptq::storedScale(float scale, bool halfScales) {
  if (scale == 0.0f) // a group of zeros
    return 1.0f;
  if (!halfScales)
    return scale;
  float half = static_cast<float>(static_cast<_Float16>(scale));
  return half == 0.0f ? std::copysign(kSmallestHalf, scale) : half;
}

static double errorOf(llvm::ArrayRef<float> values, llvm::ArrayRef<float> importance, float scale, int32_t zero) {
  double sum = 0;
  // The hot loop of quantization: one division, no branch; roundAndSaturate's NaN case cannot occur.
  float inverse = 1.0f / scale;
  for (size_t i = 0; i < values.size(); ++i) {
    float code = roundSmall(std::clamp(values[i] * inverse + static_cast<float>(zero), 0.0f, 15.0f));
    float difference = values[i] - scale * (code - static_cast<float>(zero));
    sum += static_cast<double>(difference * difference) * (importance.empty() ? 1.0f : importance[i]);
  }
  return sum;
}

namespace {
/// Keeps the best fit; the first of equals wins, so that the order of candidates is the preference.
struct Best {
  llvm::ArrayRef<float> values, importance;
  bool halfScales;
  GroupFit fit;
  bool any = false;

  void consider(float scale, int32_t zero) {
    scale = storedScale(scale, halfScales);
    double error = errorOf(values, importance, scale, zero);
    if (any && error >= fit.error)
      return;
    fit = {scale, zero, error};
    any = true;
  }
};
} // namespace

static constexpr int kClipSteps = 20;
static constexpr float kClipStep = 0.025f; // 20 steps reach half the range

GroupFit mlir::fptq::fitGroup(llvm::ArrayRef<float> values, llvm::ArrayRef<float> importance, bool symmetric,
                              bool searchClip, bool halfScales) {
  float low = 0, high = 0; // 0 is always inside, else one-sided groups could not hold it
  for (float v : values) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  float absmax = std::max(-low, high), extreme = -low > high ? low : high;
  Best best{values, importance, halfScales, {}, false};
  for (int step = 0; step <= (searchClip ? kClipSteps : 0); ++step) {
    float shrink = 1.0f - kClipStep * step;
    if (symmetric) {
      best.consider(extreme * shrink / -8.0f, 8);
      best.consider(absmax * shrink / 7.0f, 8);
      if (searchClip)
        best.consider(extreme * shrink / 8.0f, 8);
    } else {
      float scale = storedScale((high - low) * shrink / 15.0f, halfScales);
      best.consider(scale, roundAndSaturate(-low * shrink / scale, 0, 15));
    }
  }
  return best.fit;
}
