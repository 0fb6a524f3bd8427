//===- TwoLevel.cpp - integer scales inside one float scale a row ---------===//
#include "TwoLevel.h"
#include "Candidates.h"
#include "fptq/Support/Rounding.h"

#include <algorithm>
#include <cmath>

using namespace mlir::fptq;

float mlir::fptq::rowScale(llvm::ArrayRef<float> row, bool halfScales) {
  float absmax = 0;
  for (float v : row)
    absmax = std::max(absmax, std::fabs(v));
  return storedScale(absmax / kProtectiveRange, halfScales);
}

int32_t mlir::fptq::twoLevelCode(float value, float scale, const TwoLevelFit &fit) {
  float byte = value / scale + 128.0f;
  return roundAndSaturate((byte - static_cast<float>(fit.b)) / static_cast<float>(fit.a), 0, 15);
}

static double errorOf(llvm::ArrayRef<float> values, llvm::ArrayRef<float> importance, float scale,
                      const TwoLevelFit &fit) {
  double sum = 0;
  float inverse = 1.0f / scale, inverseA = 1.0f / fit.a;
  for (size_t i = 0; i < values.size(); ++i) {
    float byte = values[i] * inverse + 128.0f;
    float code = roundSmall(std::clamp((byte - fit.b) * inverseA, 0.0f, 15.0f));
    float difference = values[i] - scale * (code * fit.a + fit.b - 128.0f);
    sum += static_cast<double>(difference * difference) * (importance.empty() ? 1.0f : importance[i]);
  }
  return sum;
}

TwoLevelFit mlir::fptq::fitTwoLevel(llvm::ArrayRef<float> values, llvm::ArrayRef<float> importance, float scale,
                                    bool searchClip) {
  float low = 255, high = 0;
  for (float v : values) {
    low = std::min(low, v / scale + 128.0f);
    high = std::max(high, v / scale + 128.0f);
  }
  TwoLevelFit best;
  bool any = false;
  float center = (low + high) / 2;
  int32_t exact = roundAndSaturate((high - low) / 15.0f, 1, 16);
  // A smaller multiplier clips the tails and refines the rest.
  for (int32_t a = searchClip ? std::max(1, exact / 2) : std::max(1, exact - 1); a <= std::min(16, exact + 1); ++a) {
    int32_t middle = roundAndSaturate(center - 7.5f * a, 0, 255);
    for (int32_t b : {roundAndSaturate(low, 0, 255), middle, middle - 1, middle + 1}) {
      if (b < 0 || 15 * a + b > 255)
        continue;
      TwoLevelFit fit{a, b, 0};
      fit.error = errorOf(values, importance, scale, fit);
      if (!any || fit.error < best.error)
        best = fit;
      any = true;
    }
  }
  return best;
}
