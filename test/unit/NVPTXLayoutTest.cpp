#include "fptq/Pack/NVPTXLayout.h"
#include "RandomWeight.h"
#include <gtest/gtest.h>

using namespace mlir::fptq;

namespace {
std::vector<uint8_t> packed(Layout layout, const PackedShape &s, const RandomWeight &w) {
  std::vector<uint8_t> out(packedBytes(layout, s), 0xcd);
  packWeights(layout, s, w.operands(), out.data());
  return out;
}

PackedShape randomShape(std::mt19937 &random) {
  PackedShape s{1 + int64_t(random() % 70), 1 + int64_t(random() % 300), 0, random() % 3 == 0, false,
                random() % 2 == 0};
  s.groupSize = 1 + random() % s.k;
  s.symmetric = !s.twoLevel && random() % 2;
  return s;
}
} // namespace

TEST(NVPTXLayout, GroupsArePaddedToOneStepOrWholeChunks) { // N2
  for (auto [group, padded] : {std::pair{1, 32}, {32, 32}, {33, 64}, {64, 64}, {96, 128}, {128, 128}, {172, 192}})
    EXPECT_EQ(paddedGroupSize(Layout::NVPTX, group), padded) << group;
}

// N3, from the other side: what the PTX manual says of the A fragment of mma.m16n8k32 for 8-bit types. Register i of
// lane l holds row l / 4 (+ 8 for i = 1, 3) and columns l % 4 * 4 + 0..3 (+ 16 for i = 2, 3).
TEST(NVPTXLayout, WordsOfALaneAreItsFragmentOfTheMMA) {
  PackedShape s{32, 128, 128, false, true, false};
  RandomWeight w(s, 1);
  std::vector<uint8_t> out = packed(Layout::NVPTX, s, w);
  nvptx::PanelLayout l = nvptx::panelLayout(s);
  for (int64_t panel = 0; panel < 2; ++panel)
    for (int64_t k32 = 0; k32 < 4; ++k32)
      for (int64_t lane = 0; lane < 32; ++lane)
        for (int64_t i = 0; i < 4; ++i)
          for (int64_t b = 0; b < 4; ++b) {
            int64_t row = lane / 4 + (i % 2 ? 8 : 0), column = lane % 4 * 4 + b + (i >= 2 ? 16 : 0);
            int byte = out[panel * l.panelBytes + k32 / 2 * 512 + lane * 16 + i * 4 + b];
            ASSERT_EQ(k32 % 2 ? byte >> 4 : byte & 15, w.code(16 * panel + row, 32 * k32 + column, s));
          }
}

TEST(NVPTXLayout, ScalesAndZeroPointsLieBehindTheChunksOfTheirPanel) { // N4
  PackedShape s{16, 128, 64, false, false, true};
  RandomWeight w(s, 2);
  std::vector<uint8_t> out = packed(Layout::NVPTX, s, w);
  ASSERT_EQ(out.size(), 1024u + 2 * 32 + 2 * 16);
  for (int64_t n = 0; n < 16; ++n)
    for (int64_t g = 0; g < 2; ++g) {
      EXPECT_EQ(out[1024 + 32 * g + 2 * n], w.scales[2 * (2 * n + g)]);
      EXPECT_EQ(out[1024 + 64 + 16 * g + n], w.zeros[2 * n + g]);
    }
}

TEST(NVPTXLayout, TwoLevelPairsComeBeforeTheChannelScales) { // N5, N6
  PackedShape s{16, 64, 64, true, false, false};
  RandomWeight w(s, 3);
  std::vector<uint8_t> out = packed(Layout::NVPTX, s, w);
  ASSERT_EQ(out.size(), 512u + 32 + 64);
  EXPECT_EQ(out[512 + 10], w.multipliers[5]);
  EXPECT_EQ(out[512 + 11], w.zeros[5]);
  EXPECT_EQ(out[544 + 20], w.scales[20]);
}

TEST(NVPTXLayout, AnOddGroupOf32FillsItsChunkWithZeros) { // N4, N7
  PackedShape s{1, 96, 32, false, false, false};
  RandomWeight w(s, 4);
  std::vector<uint8_t> out = packed(Layout::NVPTX, s, w);
  ASSERT_EQ(out.size(), 2 * 512u + 4 * 64 + 4 * 16);
  for (int64_t i = 512; i < 1024; ++i)
    EXPECT_EQ(out[i] >> 4, 0) << i;
  for (int64_t i = 0; i < 64; ++i)
    EXPECT_EQ(out[1024 + 3 * 64 + i], 0) << i;
}

TEST(NVPTXLayout, EveryPartIsAlignedForSixteenByteLoads) { // N8
  std::mt19937 random(5);
  for (int i = 0; i < 200; ++i) {
    nvptx::PanelLayout l = nvptx::panelLayout(randomShape(random));
    EXPECT_EQ((l.tail | l.zeros | l.panelBytes) % 16, 0);
  }
}

TEST(NVPTXLayout, UnpackInvertsPackOnRandomShapes) {
  std::mt19937 random(6);
  for (int i = 0; i < 500; ++i) {
    PackedShape s = randomShape(random);
    RandomWeight w(s, i), back(s, i + 1000);
    std::vector<uint8_t> out = packed(Layout::NVPTX, s, w);
    unpackWeights(Layout::NVPTX, s, out.data(), back.mutableOperands());
    EXPECT_TRUE(w == back) << "n " << s.n << " k " << s.k << " group " << s.groupSize;
  }
}

TEST(NVPTXLayout, RepackingIsExactBothWays) {
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    PackedShape s = randomShape(random);
    RandomWeight w(s, i);
    std::vector<uint8_t> x86 = packed(Layout::X86, s, w), nvptx = packed(Layout::NVPTX, s, w);
    std::vector<uint8_t> there(nvptx.size()), back(x86.size());
    repackWeights(Layout::X86, Layout::NVPTX, s, x86.data(), there.data());
    repackWeights(Layout::NVPTX, Layout::X86, s, nvptx.data(), back.data());
    EXPECT_EQ(there, nvptx);
    EXPECT_EQ(back, x86);
  }
}
