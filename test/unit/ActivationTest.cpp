#include "fptq-runtime/Kernels.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

namespace {
/// v of gelu_tanh(x) = x / (1 + exp(-v)).
long double tanhArgument(long double x) { return 1.59576912160573071176L * (x + 0.044715L * x * x * x); }

long double exact(FptqActivation activation, long double x) {
  switch (activation) {
  case FPTQ_SILU:
    return x / (1 + std::exp(-x));
  case FPTQ_GELU:
    return 0.5L * x * std::erfc(-x * 0.70710678118654752440L);
  case FPTQ_GELU_TANH:
    return x / (1 + std::exp(-tanhArgument(x)));
  default:
    return x;
  }
}

double bound(FptqActivation activation, float x) {
  return activation == FPTQ_SILU ? 3 : activation == FPTQ_GELU ? 8 : 4 + 3 * std::fabs(double(tanhArgument(x)));
}

float fromBits(uint32_t bits) {
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

class Activation : public testing::TestWithParam<FptqActivation> {};
} // namespace

/// Every 509th float of all, both signs: the bounds of (A5).
TEST_P(Activation, IsAccurateOverTheWholeRange) {
  for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += 509) {
    float x = fromBits(bits);
    if (!std::isfinite(x))
      continue;
    long double expected = exact(GetParam(), x);
    float got = fptq_reference_activation(GetParam(), x), size = std::fabs(float(expected));
    double error = std::fabs(double(got - expected));
    if (size < 0x1p-119f) {
      ASSERT_LT(error, 0x1p-119) << "x = " << x;
      continue;
    }
    double unit = std::isinf(size) ? 0 : size - std::nextafter(size, 0.0f);
    ASSERT_LE(error, bound(GetParam(), x) * unit) << "x = " << x << ": got " << got;
  }
}

TEST_P(Activation, KeepsZerosInfinitiesAndNaN) {
  auto f = [&](float x) { return fptq_reference_activation(GetParam(), x); };
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(f(0.0f), 0.0f);
  EXPECT_TRUE(std::signbit(f(-0.0f)));
  EXPECT_EQ(f(inf), inf);
  EXPECT_TRUE(std::isnan(f(-inf))); // x * 0, as the formula says
  EXPECT_TRUE(std::isnan(f(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_EQ(f(-1e30f), 0.0f);
  EXPECT_EQ(f(3e38f), 3e38f);
}

INSTANTIATE_TEST_SUITE_P(All, Activation, testing::Values(FPTQ_SILU, FPTQ_GELU, FPTQ_GELU_TANH));

TEST(NoActivation, IsTheIdentity) { EXPECT_EQ(fptq_reference_activation(FPTQ_NO_ACTIVATION, -3.5f), -3.5f); }
