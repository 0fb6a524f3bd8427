#include "fptq-runtime/CpuTier.h"
#include "fptq-runtime/Kernels.h"
#include "fptq/Pack/X86Layout.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <vector>

using namespace mlir::fptq;

namespace {
/// A product with scales that make every float exact, computed on unpacked operands in int64.
struct Case {
  PackedShape s;
  int64_t m, groups, padded;
  std::vector<uint8_t> codes, scales, zeros, multipliers, packed;
  std::vector<int8_t> q;
  std::vector<float> xScales, y;
  std::vector<int32_t> sums;

  Case(PackedShape shape, int64_t m, unsigned seed) : s(shape), m(m) {
    std::mt19937 random(seed);
    x86::PanelLayout l = x86::panelLayout(s);
    groups = l.groups;
    padded = l.paddedGroup;
    codes.resize(s.n * ((groups * s.groupSize + 1) / 2));
    for (uint8_t &b : codes)
      b = random();
    std::vector<float> ones(s.twoLevel ? s.n : s.n * groups, 1.0f);
    scales.resize(ones.size() * 4);
    std::memcpy(scales.data(), ones.data(), scales.size());
    for (int64_t i = 0; i < s.n * groups; ++i) {
      zeros.push_back(random() % 16);
      multipliers.push_back(1 + random() % 16);
    }
    packed.resize(packedBytes(Layout::X86, s));
    packWeights(Layout::X86, s, {codes.data(), scales.data(), zeros.data(), multipliers.data()}, packed.data());
    q.resize(m * groups * padded);
    sums.resize(m * groups);
    xScales.assign(m, 1.0f);
    for (int64_t t = 0; t < m; ++t)
      for (int64_t k = 0; k < s.k; ++k) {
        int8_t x = int(random() % 255) - 127;
        q[t * groups * padded + k / s.groupSize * padded + k % s.groupSize] = x;
        sums[t * groups + k / s.groupSize] += x;
      }
    y.assign(m * s.n, -1.0f);
  }

  int64_t expected(int64_t t, int64_t n) const {
    int64_t sum = 0;
    for (int64_t k = 0; k < s.k; ++k) {
      int64_t g = k / s.groupSize, at = n * groups + g;
      int64_t code = codes[n * ((groups * s.groupSize + 1) / 2) + k / 2] >> (k % 2 * 4) & 15;
      int64_t w = s.twoLevel ? code * multipliers[at] + zeros[at] - 128 : code - (s.symmetric ? 8 : zeros[at]);
      sum += w * q[t * groups * padded + g * padded + k % s.groupSize];
    }
    return sum;
  }

  void run(const float *bias = nullptr, const float *residual = nullptr) {
    FptqMatmul mm{m,           s.n,    groups,        q.data(), groups * padded, xScales.data(),
                  sums.data(), groups, packed.data(), bias,     residual,        s.n,
                  y.data(),    s.n,    nullptr,       0,        nullptr,         0};
    FptqFormat format{padded, s.twoLevel, s.symmetric, s.halfScales};
    fptq_reference_matmul(&mm, &format, 0, (s.n + 15) / 16);
  }
};
} // namespace

TEST(ReferenceMatmul, AgreesWithUnpackedIntegersOnRandomShapes) {
  std::mt19937 random(7);
  for (int i = 0; i < 60; ++i) {
    PackedShape s{1 + int64_t(random() % 40), 1 + int64_t(random() % 200), 0, random() % 3 == 0, false, false};
    s.groupSize = 1 + random() % s.k;
    s.symmetric = !s.twoLevel && random() % 2;
    Case c(s, random() % 4, i);
    c.run();
    for (int64_t t = 0; t < c.m; ++t)
      for (int64_t n = 0; n < s.n; ++n)
        ASSERT_EQ(c.y[t * s.n + n], float(c.expected(t, n))) << "case " << i << " row " << t << " column " << n;
  }
}

TEST(ReferenceMatmul, ScalesBiasAndResidualInThatOrder) { // A3
  Case c({3, 8, 8, false, true, false}, 1, 3);
  c.xScales[0] = 0.1f;
  float bias[3] = {1e8f, -3.0f, 0.5f}, residual[3] = {-1e8f, 1.0f, 2.0f};
  c.run(bias, residual);
  for (int64_t n = 0; n < 3; ++n) {
    volatile float y = float(c.expected(0, n)) * 0.1f;
    y = y + bias[n];
    y = y + residual[n];
    EXPECT_EQ(c.y[n], y);
  }
}

TEST(ReferenceQuantize, RoundsHalfToEvenAndSaturates) { // Q2
  float x[8] = {0.5f, 1.5f, 2.5f, -0.5f, 1000.0f, -1000.0f, 0.0f, 126.5f}, scale = 1.0f, scales[1];
  int8_t q[8];
  int32_t sums[1];
  FptqQuantize z{1, 8, 8, 8, x, 8, nullptr, &scale, q, 8, scales, sums, 1};
  fptq_reference_quantize(&z, FPTQ_ELEMENT_F32, 0, 1);
  const int8_t expected[8] = {0, 2, 2, 0, 127, -127, 0, 126};
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(q[i], expected[i]) << i;
  EXPECT_EQ(sums[0], 130);
}

TEST(ReferenceQuantize, PadsGroupsAndMarksNanRows) { // Q1
  float x[6] = {1, -2, 3, NAN, 0, 1}, scales[2];
  int8_t q[32];
  int32_t sums[4];
  FptqQuantize z{2, 3, 2, 8, x, 3, nullptr, nullptr, q, 16, scales, sums, 2};
  fptq_reference_quantize(&z, FPTQ_ELEMENT_F32, 0, 2);
  EXPECT_EQ(scales[0], 3.0f / 127.0f);
  EXPECT_TRUE(std::isnan(scales[1]));
  EXPECT_EQ(q[8], 127);
  EXPECT_EQ(q[2], 0);
  EXPECT_EQ(q[9], 0);
  for (int i = 16; i < 32; ++i)
    EXPECT_EQ(q[i], 0);
}

TEST(CpuTier, NamesTheTierAndWhatTheNextOneLacks) {
  const char *reason = nullptr;
  FptqTier tier = fptq_cpu_detect(&reason);
  EXPECT_LE(fptq_cpu_tier(), tier);
  EXPECT_NE(reason, nullptr);
  EXPECT_EQ(fptq_cpu_tiers() >> fptq_cpu_tier(), 1u) << "the best of them";
  EXPECT_TRUE(fptq_cpu_tiers() & 1) << "the reference runs everywhere";
  EXPECT_STREQ(fptq_tier_name(FPTQ_AMX_INT8), "amx-int8");
}
