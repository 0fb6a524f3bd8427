//===- AbsHistogram.h - magnitudes, counted ----------------------*- C++ -*-===//
//
// The bound is a power of two, so that the bins of any two histograms nest: growing and merging
// only add neighbouring counts, lose nothing beyond resolution, and do not depend on the order of
// calls. (PyTorch's HistogramObserver resamples on a merge and drifts.)
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_PROFILE_ABSHISTOGRAM_H
#define FPTQ_PROFILE_ABSHISTOGRAM_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace mlir::fptq {

/// Counts of |x| in `kBins` equal bins over [0, 2^exponent).
class AbsHistogram {
public:
  /// With a power of two as bound, at least half of the bins hold values: 2048, as observers expect.
  static constexpr int64_t kBins = 4096;
  /// Bound of an empty histogram; smaller magnitudes fall into its first bin.
  static constexpr int kMinExponent = -100;
  /// Bound of every float.
  static constexpr int kMaxExponent = 128;

  AbsHistogram() = default;
  /// As stored in a profile; `bins` has kBins counts, `exponent` lies in [kMinExponent, kMaxExponent].
  AbsHistogram(int exponent, std::vector<int64_t> bins) : exponent(exponent), bins(std::move(bins)) {}

  /// Counts finite values; NaN and infinity are the caller's to refuse.
  void add(llvm::ArrayRef<float> values);
  void merge(const AbsHistogram &other);

  bool empty() const { return bins.empty(); }
  int getExponent() const { return exponent; }
  llvm::ArrayRef<int64_t> getBins() const { return bins; }
  int64_t total() const;
  /// Width of one bin.
  double width() const;
  /// Bins up to the last one with a count.
  int64_t occupied() const;
  /// The upper edge of the first bin at which `fraction` (0..1) of all values is reached.
  double quantile(double fraction) const;

private:
  /// Doubles the bound until it is 2^`newExponent`.
  void grow(int newExponent);

  int exponent = kMinExponent;
  std::vector<int64_t> bins;
};

} // namespace mlir::fptq

#endif // FPTQ_PROFILE_ABSHISTOGRAM_H
