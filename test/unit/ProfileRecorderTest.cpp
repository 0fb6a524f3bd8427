#include "fptq/Profile/ProfileRecorder.h"
#include "fptq/Profile/RangeProfile.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <thread>

using namespace mlir::fptq;

static std::unique_ptr<ProfileRecorder> recorder(llvm::StringRef observer = "min-max") {
  return llvm::cantFail(ProfileRecorder::create(observer));
}

TEST(ProfileRecorder, RangesOfTwoCallsAreThoseOfAllRows) {
  auto r = recorder();
  r->record("a", {1, -2, 3, 0, 0.5, -7}, 3);
  r->record("b", {1}, 1);
  r->record("a", {-4, 1, 2}, 3);
  RangeProfile profile = r->profile();
  ASSERT_EQ(profile.layers.size(), 2u);
  const LayerRange &a = profile.layers[0];
  EXPECT_EQ(a.layer, "a");
  EXPECT_EQ(a.tokens, 3);
  EXPECT_EQ(a.min, -7);
  EXPECT_EQ(a.max, 3);
  EXPECT_EQ(a.absmax, 7);
  EXPECT_EQ(a.channelAbsmax, (std::vector<float>{4, 2, 7}));
  EXPECT_EQ(a.channelMin, (std::vector<float>{-4, -2, -7}));
  EXPECT_EQ(a.channelMax, (std::vector<float>{1, 1, 3}));
  EXPECT_EQ(a.histogram.total(), 9);
  EXPECT_TRUE(a.fault.empty());
}

TEST(ProfileRecorder, ThreadsRecordWhatOneThreadWould) {
  std::mt19937 gen(7);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> data(64 * 1000);
  for (float &v : data)
    v = normal(gen);
  auto alone = recorder(), together = recorder();
  alone->record("a", data, 64);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int row = t; row < 1000; row += 4)
        together->record("a", llvm::ArrayRef(data).slice(row * 64, 64), 64);
    });
  for (std::thread &t : threads)
    t.join();
  LayerRange a = alone->profile().layers[0], b = together->profile().layers[0];
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.absmax, b.absmax);
  EXPECT_EQ(a.channelAbsmax, b.channelAbsmax);
  EXPECT_EQ(a.histogram.getExponent(), b.histogram.getExponent());
  EXPECT_EQ(a.histogram.getBins(), b.histogram.getBins());
}

TEST(ProfileRecorder, NanAndInfinityAreFaults) {
  auto r = recorder();
  r->record("a", {1, NAN, INFINITY, 2}, 2);
  r->record("a", {1, 2}, 2);
  EXPECT_EQ(r->profile().layers[0].fault, "2 values are NaN or infinite");
}

TEST(ProfileRecorder, OtherChannelCountOfTheSameLayerIsAFault) {
  auto r = recorder();
  r->record("a", {1, 2, 3, 4}, 4);
  r->record("a", {1, 2}, 2);
  EXPECT_EQ(r->profile().layers[0].fault, "ran with 4 channels and with 2");
  r->record("b", {1, 2, 3}, 2);
  EXPECT_EQ(r->profile().layers[1].fault, "3 values are not whole rows of 2 channels");
}

TEST(ProfileRecorder, RunsMergeWhereOneSawNoTokenOfALayer) {
  auto seen = recorder(), unseen = recorder();
  seen->record("expert", {1, -2, 3, 4}, 2);
  unseen->record("expert", {}, 2);
  for (bool seenFirst : {true, false}) {
    RangeProfile into = (seenFirst ? seen : unseen)->profile(), from = (seenFirst ? unseen : seen)->profile();
    EXPECT_EQ(llvm::toString(into.merge(from, "other.json")), "");
    EXPECT_EQ(into.layers[0].tokens, 2);
    EXPECT_EQ(into.layers[0].channelAbsmax, (std::vector<float>{3, 4}));
  }
}

/// What `observer` makes of two runs, merged, of which the first saw `first` and the other `second` in one call each.
static double mergedAbsmax(llvm::StringRef observer, std::vector<float> first, std::vector<float> second) {
  auto one = recorder(observer), other = recorder(observer);
  one->record("a", first, 1);
  other->record("a", second, 1);
  RangeProfile into = one->profile();
  EXPECT_EQ(llvm::toString(into.merge(other->profile(), "other.json")), "");
  return into.layers[0].absmax;
}

TEST(ProfileRecorder, MergedRunsAreAskedAgainWhereTheHistogramTells) {
  std::vector<float> small(99, 1), outlier(1, 100);
  EXPECT_EQ(mergedAbsmax("min-max", small, outlier), 100);
  EXPECT_NEAR(mergedAbsmax("percentile=90", small, outlier), 1, 0.1);
}

TEST(ProfileRecorder, MovingAveragesMergeToTheLargerOne) {
  auto one = recorder("moving-average"), other = recorder("moving-average");
  for (float x : {10, 1000}) // 10 + 0.01 * 990
    one->record("a", {x}, 1);
  other->record("a", {12}, 1);
  RangeProfile into = one->profile();
  EXPECT_EQ(llvm::toString(into.merge(other->profile(), "other.json")), "");
  EXPECT_DOUBLE_EQ(into.layers[0].absmax, 19.9);
}

TEST(ProfileRecorder, ObserverIsChosenPerRun) {
  auto r = recorder("moving-average");
  r->record("a", {10}, 1);
  r->record("a", {-20}, 1);
  EXPECT_DOUBLE_EQ(r->profile().layers[0].absmax, 10 + 0.01 * 10);
  EXPECT_EQ(r->profile().layers[0].channelAbsmax[0], 20);
  EXPECT_EQ(r->profile().observer, "moving-average");
}

TEST(ProfileRecorder, UnknownObserverIsRefused) {
  auto r = ProfileRecorder::create("median");
  ASSERT_FALSE(bool(r));
  EXPECT_EQ(llvm::toString(r.takeError()),
            "unknown observer 'median', expected min-max, moving-average, percentile, mse or entropy");
}
