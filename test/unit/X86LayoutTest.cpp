#include "fptq/Pack/X86Layout.h"
#include "RandomWeight.h"
#include <gtest/gtest.h>

using namespace mlir::fptq;

namespace {
std::vector<uint8_t> packed(const PackedShape &s, const RandomWeight &w) {
  std::vector<uint8_t> out(packedBytes(Layout::X86, s), 0xcd);
  packWeights(Layout::X86, s, w.operands(), out.data());
  return out;
}
} // namespace

TEST(X86Layout, LowAndHighNibblesAreNeighbouringQuads) { // P2
  PackedShape s{16, 8, 8, false, true, false};
  RandomWeight w(s, 1);
  std::vector<uint8_t> out = packed(s, w);
  for (int64_t n = 0; n < 16; ++n)
    for (int64_t k = 0; k < 4; ++k) {
      auto code = [&](int64_t p) { return w.codes[n * 4 + p / 2] >> (p % 2 * 4) & 15; };
      EXPECT_EQ(out[n * 4 + k], code(k) | code(k + 4) << 4);
    }
}

TEST(X86Layout, TwoPanelsTakeTurns) { // P1
  PackedShape s{48, 16, 16, false, true, true};
  RandomWeight w(s, 6);
  std::vector<uint8_t> out = packed(s, w);
  ASSERT_EQ(out.size(), 2 * (4 * 64u + 2 * 32));
  auto pair = [&](int64_t n, int64_t k) { // the codes of channels k and k + 4
    uint8_t low = w.codes[n * 8 + k / 2] >> (k % 2 * 4) & 15, high = w.codes[n * 8 + k / 2 + 2] >> (k % 2 * 4) & 15;
    return low | high << 4;
  };
  EXPECT_EQ(out[64 + 4 * 3], pair(16 + 3, 0));         // the second panel's first octet
  EXPECT_EQ(out[128 + 4 * 3], pair(3, 8));             // the first panel's second
  EXPECT_EQ(out[256 + 2 * 5], w.scales[2 * 5]);        // its scales
  EXPECT_EQ(out[288 + 2 * 5], w.scales[2 * (16 + 5)]); // those of the second
  EXPECT_EQ(out[320 + 4 * 3], pair(32 + 3, 0));        // the third panel, alone in its pair
  for (int64_t i = 0; i < 64; ++i)
    EXPECT_EQ(out[320 + 64 + i], 0) << i;
}

TEST(X86Layout, ScalesLieBehindTheNibblesOfTheirGroup) { // P4
  PackedShape s{16, 64, 32, false, false, true};
  RandomWeight w(s, 2);
  std::vector<uint8_t> out = packed(s, w);
  for (int64_t n = 0; n < 16; ++n)
    for (int64_t g = 0; g < 2; ++g) {
      const uint8_t *group = out.data() + g * 2 * (256 + 32 + 16);
      EXPECT_EQ(group[512 + 2 * n], w.scales[2 * (2 * n + g)]);
      EXPECT_EQ(group[512 + 32 + n], w.zeros[2 * n + g]);
    }
}

TEST(X86Layout, TwoLevelScalesLieAtThePairsEnd) { // P5, P6
  PackedShape s{32, 32, 32, true, false, false};
  RandomWeight w(s, 3);
  std::vector<uint8_t> out = packed(s, w);
  ASSERT_EQ(out.size(), 2 * (256u + 32 + 64));
  for (int64_t panel = 0; panel < 2; ++panel) {
    EXPECT_EQ(out[512 + 32 * panel + 5], w.multipliers[16 * panel + 5]);
    EXPECT_EQ(out[512 + 32 * panel + 16 + 5], w.zeros[16 * panel + 5]);
    EXPECT_EQ(out[576 + 64 * panel + 20], w.scales[64 * panel + 20]);
  }
}

TEST(X86Layout, PaddedColumnsAndChannelsAreZero) { // P3, P7
  PackedShape s{1, 3, 3, false, true, false};
  RandomWeight w(s, 4);
  std::vector<uint8_t> out = packed(s, w);
  ASSERT_EQ(out.size(), 2 * (64u + 64));
  for (size_t i = 0; i < out.size(); ++i)
    if (i >= 3 && (i < 128 || i >= 132))
      EXPECT_EQ(out[i], 0) << i;
}

TEST(X86Layout, UnpackInvertsPackOnRandomShapes) {
  std::mt19937 random(5);
  for (int i = 0; i < 500; ++i) {
    PackedShape s{1 + int64_t(random() % 70), 1 + int64_t(random() % 300), 0, random() % 3 == 0, false,
                  random() % 2 == 0};
    s.groupSize = 1 + random() % s.k;
    s.symmetric = !s.twoLevel && random() % 2;
    RandomWeight w(s, i), back(s, i + 1000);
    std::vector<uint8_t> out = packed(s, w);
    unpackWeights(Layout::X86, s, out.data(), back.mutableOperands());
    EXPECT_TRUE(w == back) << "n " << s.n << " k " << s.k << " group " << s.groupSize;
  }
}
