//===- Observers.cpp - from magnitudes to the range to cover --------------===//
#include "fptq/Profile/Observers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir::fptq;
using llvm::ArrayRef;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Moving average, percentile
//===----------------------------------------------------------------------===//

void MovingAverageObserver::observeBatch(double absmax) {
  average = started ? average + c * (absmax - average) : absmax;
  started = true;
}

double PercentileObserver::absmax(double seen, const AbsHistogram &histogram) const {
  return histogram.empty() ? seen : std::min(seen, histogram.quantile(percent / 100));
}

//===----------------------------------------------------------------------===//
// Squared error
//===----------------------------------------------------------------------===//

/// Sum of (x - dequantized(x))^2 with codes -127..127 over [0, clip], x at the bins' centres.
static double squaredError(const AbsHistogram &histogram, double clip) {
  double scale = clip / 127, sum = 0;
  for (auto [i, count] : llvm::enumerate(histogram.getBins())) {
    if (!count)
      continue;
    double x = (i + 0.5) * histogram.width();
    double error = x - scale * std::min(127.0, std::nearbyint(x / scale));
    sum += count * error * error;
  }
  return sum;
}

double MseObserver::absmax(double seen, const AbsHistogram &histogram) const {
  if (histogram.empty() || !(seen > 0))
    return seen;
  double best = seen, least = squaredError(histogram, seen);
  for (int percent = 99; percent >= 20; --percent) {
    double clip = seen * percent / 100, error = squaredError(histogram, clip);
    if (error < least)
      std::tie(best, least) = std::pair(clip, error);
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Entropy
//===----------------------------------------------------------------------===//

static constexpr int64_t kLevels = 128; // int8 magnitudes 0..127

/// KL(P || Q): P is the first `clip` bins with the tail added to the last one, Q those bins averaged
/// over kLevels intervals (empty bins stay empty). A bin that only P has costs as if Q held 1e-4.
static double divergence(ArrayRef<int64_t> bins, int64_t clip, int64_t tail) {
  double all = 0, kept = 0;
  for (int64_t count : bins.take_front(clip))
    kept += count;
  all = kept + tail;
  if (kept == 0)
    return std::numeric_limits<double>::infinity();
  double sum = 0;
  for (int64_t level = 0; level < kLevels; ++level) {
    int64_t begin = level * clip / kLevels, end = (level + 1) * clip / kLevels;
    ArrayRef<int64_t> span = bins.slice(begin, end - begin);
    double mass = std::accumulate(span.begin(), span.end(), 0.0);
    int64_t nonzero = llvm::count_if(span, [](int64_t c) { return c != 0; });
    for (const int64_t &count : span) {
      bool last = &count == &bins[clip - 1];
      double p = (count + (last ? tail : 0)) / all;
      double q = count ? mass / nonzero / kept : 1e-4;
      if (p > 0)
        sum += p * std::log(p / q);
    }
  }
  return sum;
}

double EntropyObserver::absmax(double seen, const AbsHistogram &histogram) const {
  ArrayRef<int64_t> bins = histogram.getBins();
  int64_t occupied = histogram.occupied();
  if (occupied <= kLevels)
    return seen;
  int64_t tail = histogram.total() - std::accumulate(bins.begin(), bins.begin() + kLevels, int64_t(0));
  int64_t best = occupied;
  double least = std::numeric_limits<double>::infinity();
  for (int64_t clip = kLevels; clip <= occupied; ++clip) {
    double d = divergence(bins, clip, tail);
    if (d <= least) // a tie keeps the larger range
      std::tie(best, least) = std::pair(clip, d);
    if (clip < occupied)
      tail -= bins[clip];
  }
  return std::min(seen, best * histogram.width());
}

//===----------------------------------------------------------------------===//
// By name
//===----------------------------------------------------------------------===//

/// The number after '=' in an observer's spec, within (low, high).
static llvm::Expected<double> parameter(StringRef spec, StringRef text, double fallback, double low, double high) {
  double value = fallback;
  if (!text.empty() && (text.getAsDouble(value) || !(value > low && value < high)))
    return llvm::createStringError("observer '%s': value must be a number above %g and below %g", spec.str().c_str(),
                                   low, high);
  return value;
}

llvm::Expected<std::unique_ptr<Observer>> Observer::create(StringRef spec) {
  auto [name, text] = spec.split('=');
  bool takesValue = name == "moving-average" || name == "percentile";
  if (spec.contains('=') && (text.empty() || !takesValue))
    return llvm::createStringError("observer '%s': %s", spec.str().c_str(),
                                   takesValue ? "no value after '='" : "takes no value");
  if (name == "min-max")
    return std::make_unique<MinMaxObserver>();
  if (name == "mse")
    return std::make_unique<MseObserver>();
  if (name == "entropy")
    return std::make_unique<EntropyObserver>();
  if (name == "moving-average") {
    llvm::Expected<double> c = parameter(spec, text, 0.01, 0, 1);
    if (!c)
      return c.takeError();
    return std::make_unique<MovingAverageObserver>(*c);
  }
  if (name == "percentile") {
    llvm::Expected<double> percent = parameter(spec, text, 99.999, 0, 100);
    if (!percent)
      return percent.takeError();
    return std::make_unique<PercentileObserver>(*percent);
  }
  return llvm::createStringError("unknown observer '%s', expected min-max, moving-average, percentile, mse or entropy",
                                 spec.str().c_str());
}
