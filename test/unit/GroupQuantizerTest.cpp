#include "fptq/Quantize/GroupQuantizer.h"
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

using namespace mlir::fptq;

static std::vector<float> gaussian(int64_t count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  std::vector<float> values(count);
  for (float &v : values)
    v = normal(generator);
  return values;
}

static double largestError(const std::vector<float> &w, const std::vector<float> &q) {
  double largest = 0;
  for (size_t i = 0; i < w.size(); ++i)
    largest = std::max(largest, std::fabs(double(w[i]) - q[i]));
  return largest;
}

TEST(GroupQuantizer, SymmetricKeepsTheExtremeExactly) {
  QuantizerOptions options;
  options.groupSize = 4;
  auto q = quantizeWeight({0.5f, -1.0f, 0.25f, 0.0f}, 1, 4, options);
  auto back = dequantizeWeight(q, options);
  EXPECT_EQ(back, (std::vector<float>{0.5f, -1.0f, 0.25f, 0.0f}));
}

TEST(GroupQuantizer, ScalesBelowTheSmallestHalfLeaveSomething) {
  std::vector<float> tiny = {0x1p-23f, -0x1p-23f, 0x1p-24f, 0.0f};
  for (bool twoLevel : {false, true}) {
    QuantizerOptions options;
    options.groupSize = 4;
    options.halfScales = true;
    options.twoLevel = twoLevel;
    options.symmetric = !twoLevel;
    auto back = dequantizeWeight(quantizeWeight(tiny, 1, 4, options), options);
    EXPECT_EQ(back, tiny) << twoLevel;
  }
}

TEST(GroupQuantizer, ErrorStaysBelowHalfAStep) {
  for (int64_t group : {32, 64, 100, 256}) {
    QuantizerOptions options;
    options.groupSize = group;
    options.symmetric = false;
    auto w = gaussian(8 * 256, 1);
    auto q = quantizeWeight(w, 8, 256, options);
    float step = *std::max_element(q.scales.begin(), q.scales.end());
    EXPECT_LE(largestError(w, dequantizeWeight(q, options)), 1.01 * step) << group;
  }
}

TEST(GroupQuantizer, RaggedGroupIsFilledWithZeros) {
  QuantizerOptions options;
  options.groupSize = 8;
  auto q = quantizeWeight(gaussian(10, 2), 1, 10, options);
  EXPECT_EQ(q.groups, 2);
  EXPECT_EQ(q.codes.size(), 8u);
  for (int p = 10; p < 16; ++p)
    EXPECT_EQ(q.codes[p / 2] >> (p % 2 ? 4 : 0) & 15, 8) << "position " << p;
}

TEST(GroupQuantizer, ClipSearchNeverHurts) {
  auto w = gaussian(16 * 512, 3);
  for (bool symmetric : {true, false})
    for (bool twoLevel : {false, true}) {
      QuantizerOptions options;
      options.groupSize = 128, options.symmetric = symmetric && !twoLevel, options.twoLevel = twoLevel;
      double plain = quantizeWeight(w, 16, 512, options).errorDb;
      options.searchClip = true;
      EXPECT_LE(quantizeWeight(w, 16, 512, options).errorDb, plain);
    }
}

TEST(GroupQuantizer, TwoLevelBytesStayInRange) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    auto w = gaussian(4 * 256, seed);
    w[seed] *= 50; // an outlier drives its row's scale
    QuantizerOptions options;
    options.groupSize = 32, options.twoLevel = true, options.symmetric = false, options.searchClip = seed % 2;
    auto q = quantizeWeight(w, 4, 256, options);
    for (size_t g = 0; g < q.multipliers.size(); ++g) {
      EXPECT_GE(q.multipliers[g], 1);
      EXPECT_LE(q.multipliers[g], 16);
      EXPECT_LE(15 * q.multipliers[g] + q.zeros[g], 255);
    }
  }
}

TEST(GroupQuantizer, ZeroRowsStayZero) {
  for (bool twoLevel : {false, true}) {
    QuantizerOptions options;
    options.groupSize = 32, options.twoLevel = twoLevel, options.symmetric = !twoLevel;
    std::vector<float> w(64, 0.0f);
    EXPECT_EQ(dequantizeWeight(quantizeWeight(w, 1, 64, options), options), w);
  }
}

TEST(GroupQuantizer, HalfScalesAreHalf) {
  QuantizerOptions options;
  options.halfScales = true;
  auto q = quantizeWeight(gaussian(256, 4), 2, 128, options);
  for (float s : q.scales)
    EXPECT_EQ(s, static_cast<float>(static_cast<_Float16>(s)));
}
