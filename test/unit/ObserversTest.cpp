#include "fptq/Profile/Observers.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace mlir::fptq;

static std::vector<float> gaussianWithOutliers(size_t count, float outlier) {
  std::mt19937 gen(3);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> data(count);
  for (float &v : data)
    v = normal(gen);
  data[count / 2] = -outlier;
  return data;
}

static AbsHistogram histogramOf(llvm::ArrayRef<float> data) {
  AbsHistogram h;
  h.add(data);
  return h;
}

static double maxAbs(llvm::ArrayRef<float> data) {
  double m = 0;
  for (float v : data)
    m = std::max(m, std::fabs((double)v));
  return m;
}

static double absmax(llvm::StringRef spec, llvm::ArrayRef<float> data) {
  auto observer = llvm::cantFail(Observer::create(spec));
  observer->observeBatch(maxAbs(data));
  return observer->absmax(maxAbs(data), histogramOf(data));
}

//===----------------------------------------------------------------------===//
// Histogram
//===----------------------------------------------------------------------===//

TEST(AbsHistogram, BinsHoldWhatANaiveCountFinds) {
  std::vector<float> data = gaussianWithOutliers(5000, 9);
  AbsHistogram h = histogramOf(data);
  EXPECT_EQ(h.getExponent(), 4); // 9 < 2^4
  std::vector<int64_t> naive(AbsHistogram::kBins);
  for (float v : data)
    ++naive[(int64_t)std::floor(std::fabs((double)v) / (16.0 / AbsHistogram::kBins))];
  EXPECT_EQ(h.getBins(), llvm::ArrayRef<int64_t>(naive));
}

TEST(AbsHistogram, PowersOfTwoOpenTheNextBound) {
  EXPECT_EQ(histogramOf({4.0f}).getExponent(), 3);
  EXPECT_EQ(histogramOf({std::nextafter(4.0f, 0.0f)}).getExponent(), 2);
  EXPECT_EQ(histogramOf({0.0f, -0.0f}).getBins()[0], 2);
  EXPECT_EQ(histogramOf({1e-40f, 2.0f}).total(), 2); // denormal
  EXPECT_EQ(histogramOf({3e38f}).total(), 1);
}

TEST(AbsHistogram, OrderOfCallsAndMergesDoesNotMatter) {
  std::vector<float> data = gaussianWithOutliers(3000, 700);
  llvm::ArrayRef<float> all = data;
  AbsHistogram whole = histogramOf(all), forward, merged = histogramOf(all.take_front(1000));
  for (int i = 2; i >= 0; --i)
    forward.add(all.slice(i * 1000, 1000));
  merged.merge(histogramOf(all.slice(1000, 1000)));
  merged.merge(histogramOf(all.slice(2000)));
  merged.merge(AbsHistogram());
  for (const AbsHistogram *h : {&forward, &merged}) {
    EXPECT_EQ(h->getExponent(), whole.getExponent());
    EXPECT_EQ(h->getBins(), whole.getBins());
  }
}

//===----------------------------------------------------------------------===//
// Observers
//===----------------------------------------------------------------------===//

TEST(Observers, MinMaxIsTheLargestMagnitude) { EXPECT_EQ(absmax("min-max", {1, -5, 2}), 5); }

TEST(Observers, MovingAverageStartsAtTheFirstBatch) {
  MovingAverageObserver observer(0.5);
  for (double batch : {8.0, 4.0, 2.0})
    observer.observeBatch(batch);
  EXPECT_EQ(observer.absmax(8, {}), ((8 + 4) / 2.0 + 2) / 2.0);
}

TEST(Observers, PercentileIsTheSortedOrderStatisticWithinABin) {
  std::vector<float> data = gaussianWithOutliers(20000, 50), sorted;
  for (float v : data)
    sorted.push_back(std::fabs(v));
  std::sort(sorted.begin(), sorted.end());
  double exact = sorted[(size_t)std::ceil(0.999 * sorted.size()) - 1], width = histogramOf(data).width();
  EXPECT_NEAR(absmax("percentile=99.9", data), exact, width);
  EXPECT_EQ(absmax("percentile", {1, 2, 3}), 3); // never above what was seen
}

/// Mean squared error of int8 codes on the values themselves.
static double naiveError(llvm::ArrayRef<float> data, double clip) {
  double sum = 0;
  for (float v : data) {
    double q = std::clamp(std::nearbyint(v / (clip / 127)), -127.0, 127.0);
    sum += (v - q * clip / 127) * (v - q * clip / 127);
  }
  return sum;
}

TEST(Observers, MseFindsTheClipOfANaiveSearch) {
  std::vector<float> data = gaussianWithOutliers(20000, 12);
  double best = 12, least = naiveError(data, 12);
  for (int p = 99; p >= 20; --p)
    if (double e = naiveError(data, 12.0 * p / 100); e < least)
      std::tie(best, least) = std::pair(12.0 * p / 100, e);
  EXPECT_LT(best, 12);
  EXPECT_NEAR(absmax("mse", data), best, 0.25);
  // Codes that hit every value exactly have no error: the larger range stays.
  EXPECT_EQ(absmax("mse", {127, 64, -32, 1}), 127);
}

/// The definition, in probabilities, with vectors instead of sums.
static double naiveDivergence(llvm::ArrayRef<int64_t> bins, int64_t clip) {
  std::vector<double> p(bins.begin(), bins.begin() + clip), q(clip);
  for (size_t i = clip; i < bins.size(); ++i)
    p[clip - 1] += bins[i];
  double kept = 0, all = 0, kl = 0;
  for (int64_t i = 0; i < clip; ++i)
    kept += bins[i], all += p[i];
  for (int64_t level = 0; level < 128; ++level) {
    double mass = 0, nonzero = 0;
    for (int64_t i = level * clip / 128; i < (level + 1) * clip / 128; ++i)
      mass += bins[i], nonzero += bins[i] != 0;
    for (int64_t i = level * clip / 128; i < (level + 1) * clip / 128; ++i)
      q[i] = bins[i] ? mass / nonzero / kept : 1e-4;
  }
  for (int64_t i = 0; i < clip; ++i)
    if (p[i] > 0)
      kl += p[i] / all * std::log(p[i] / all / q[i]);
  return kl;
}

TEST(Observers, EntropyFindsTheClipOfTheDefinition) {
  std::vector<float> data = gaussianWithOutliers(4000, 40);
  AbsHistogram h = histogramOf(data);
  int64_t best = 0;
  double least = INFINITY;
  for (int64_t clip = 128; clip <= h.occupied(); ++clip)
    if (double kl = naiveDivergence(h.getBins(), clip); kl <= least + 1e-12)
      best = clip, least = std::min(least, kl);
  EXPECT_NEAR(absmax("entropy", data), best * h.width(), 2 * h.width());
  EXPECT_LT(absmax("entropy", data), 10);
}

TEST(Observers, SilentLayerStaysZero) {
  for (llvm::StringRef spec : {"min-max", "moving-average", "percentile", "mse", "entropy"})
    EXPECT_EQ(absmax(spec, {0, 0}), 0) << spec.str();
}

TEST(Observers, SpecsThatAreWrongSayWhy) {
  auto message = [](llvm::StringRef spec) { return llvm::toString(Observer::create(spec).takeError()); };
  EXPECT_EQ(message("percentile=101"), "observer 'percentile=101': value must be a number above 0 and below 100");
  EXPECT_EQ(message("moving-average=x"), "observer 'moving-average=x': value must be a number above 0 and below 1");
  EXPECT_EQ(message("percentile="), "observer 'percentile=': no value after '='");
  EXPECT_EQ(message("mse=3"), "observer 'mse=3': takes no value");
}
