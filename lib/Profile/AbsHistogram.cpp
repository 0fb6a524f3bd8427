//===- AbsHistogram.cpp - magnitudes, counted -----------------------------===//
#include "fptq/Profile/AbsHistogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::fptq;

double AbsHistogram::width() const { return std::ldexp(1.0, exponent) / kBins; }

int64_t AbsHistogram::total() const { return std::accumulate(bins.begin(), bins.end(), int64_t(0)); }

int64_t AbsHistogram::occupied() const {
  for (int64_t i = bins.size(); i > 0; --i)
    if (bins[i - 1])
      return i;
  return 0;
}

void AbsHistogram::grow(int newExponent) {
  int shift = newExponent - exponent;
  exponent = newExponent;
  for (int64_t i = 1; i < (int64_t)bins.size(); ++i) {
    int64_t count = std::exchange(bins[i], 0);
    bins[shift < 63 ? i >> shift : 0] += count;
  }
}

void AbsHistogram::add(llvm::ArrayRef<float> values) {
  if (values.empty())
    return;
  bins.resize(kBins);
  float largest = 0;
  for (float v : values)
    largest = std::max(largest, std::fabs(v));
  int needed = 0;
  std::frexp(largest, &needed); // largest < 2^needed
  if (largest > 0 && needed > exponent)
    grow(needed);
  // A power of two: the product is exact, so that a bin's edges mean what they say.
  double binsPerUnit = 1 / width();
  for (float v : values)
    ++bins[static_cast<int64_t>(std::fabs(v) * binsPerUnit)];
}

void AbsHistogram::merge(const AbsHistogram &other) {
  if (other.empty())
    return;
  AbsHistogram added = other;
  bins.resize(kBins);
  int common = std::max(exponent, added.exponent);
  grow(common);
  added.grow(common);
  for (int64_t i = 0; i < kBins; ++i)
    bins[i] += added.bins[i];
}

double AbsHistogram::quantile(double fraction) const {
  double wanted = fraction * total();
  int64_t seen = 0;
  for (auto [i, count] : llvm::enumerate(bins)) {
    seen += count;
    if (count && seen >= wanted)
      return (i + 1) * width();
  }
  return 0;
}
