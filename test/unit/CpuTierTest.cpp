//===- CpuTierTest.cpp - the tier of every kind of processor --------------===//
#include "fptq-runtime/CpuTier.h"
#include <gtest/gtest.h>

namespace {
// Words of real processors, as their makers document the features; only the bits that matter here.
constexpr uint32_t kAvx = 1u << 12 | 1u << 27 | 1u << 28 | 1u << 29; // FMA, OSXSAVE, AVX, F16C
constexpr uint32_t kAvx2 = 1u << 5, kAvx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, kVnni = 1u << 11;
constexpr uint32_t kAmx = 1u << 24 | 1u << 25;

struct Row {
  const char *name;
  FptqCpuWords words;
  FptqTier tier;
  const char *reason;
};

const Row kRows[] = {
    {"nothing", {0, 0, 0, 0, 0}, FPTQ_REFERENCE, "no AVX"},
    {"Nehalem", {0, 0, 0, 0, 0x3}, FPTQ_REFERENCE, "no AVX"},
    {"Sandy Bridge", {1u << 27 | 1u << 28, 0, 0, 0, 0x7}, FPTQ_REFERENCE, "no AVX2"},
    {"Haswell", {kAvx, kAvx2, 0, 0, 0x7}, FPTQ_AVX2, "no AVX-512"},
    {"Haswell, system without XSAVE", {kAvx & ~(1u << 27), kAvx2, 0, 0, 0}, FPTQ_REFERENCE, "no AVX"},
    {"Haswell, system saves SSE only", {kAvx, kAvx2, 0, 0, 0x3}, FPTQ_REFERENCE, "the system saves"},
    {"Skylake-X", {kAvx, kAvx2 | kAvx512, 0, 0, 0xe7}, FPTQ_AVX2, "VNNI"},
    {"Knights Landing", {kAvx, kAvx2 | 1u << 16, 0, 0, 0xe7}, FPTQ_AVX2, "AVX-512 F, DQ, BW, VL"},
    {"Cascade Lake", {kAvx, kAvx2 | kAvx512, kVnni, 0, 0xe7}, FPTQ_AVX512VNNI, "no AMX"},
    {"Cascade Lake, AVX-512 not saved", {kAvx, kAvx2 | kAvx512, kVnni, 0, 0x7}, FPTQ_AVX2, "does not save AVX-512"},
    {"Zen 4", {kAvx, kAvx2 | kAvx512, kVnni, 0, 0x2e7}, FPTQ_AVX512VNNI, "no AMX"},
    {"Sapphire Rapids, XCR0 3", {kAvx, kAvx2 | kAvx512, kVnni, kAmx, 0x3}, FPTQ_REFERENCE, "the system saves"},
    {"Sapphire Rapids, XCR0 7", {kAvx, kAvx2 | kAvx512, kVnni, kAmx, 0x7}, FPTQ_AVX2, "does not save AVX-512"},
    {"Sapphire Rapids, XCR0 e7", {kAvx, kAvx2 | kAvx512, kVnni, kAmx, 0xe7}, FPTQ_AVX512VNNI, "does not save AMX"},
    {"Sapphire Rapids, tile data alone", {kAvx, kAvx2 | kAvx512, kVnni, kAmx, 0x400e7}, FPTQ_AVX512VNNI, "AMX tiles"},
    {"Sapphire Rapids", {kAvx, kAvx2 | kAvx512, kVnni, kAmx, 0x600e7}, FPTQ_AMX_INT8, "best"},
    {"AMX without INT8", {kAvx, kAvx2 | kAvx512, kVnni, 1u << 24, 0x600e7}, FPTQ_AVX512VNNI, "no AMX-INT8"},
};
} // namespace

TEST(CpuTier, EveryKindOfProcessorAndSystem) {
  for (const Row &row : kRows) {
    const char *reason = "";
    EXPECT_EQ(fptq_tier_of(&row.words, &reason), row.tier) << row.name;
    EXPECT_NE(std::string(reason).find(row.reason), std::string::npos) << row.name << ": " << reason;
  }
}

/// No word that lacks a bit of a tier's needs may still get that tier: an illegal instruction would be next.
TEST(CpuTier, EachNeededBitIsNeeded) {
  const FptqCpuWords best = {kAvx & ~(1u << 28), kAvx2 | kAvx512, kVnni, kAmx, 0x600e6};
  const char *reason;
  ASSERT_EQ(fptq_tier_of(&best, &reason), FPTQ_AMX_INT8);
  auto lacks = [&](auto member, int bit) {
    FptqCpuWords words = best;
    words.*member &= ~(uint64_t(1) << bit);
    return fptq_tier_of(&words, &reason) < FPTQ_AMX_INT8;
  };
  auto all = [&](auto member) {
    for (int bit = 0; bit < 64; ++bit)
      if (uint64_t(best.*member) >> bit & 1) {
        EXPECT_TRUE(lacks(member, bit)) << "bit " << bit;
      }
  };
  all(&FptqCpuWords::leaf1_ecx);
  all(&FptqCpuWords::leaf7_ebx);
  all(&FptqCpuWords::leaf7_ecx);
  all(&FptqCpuWords::leaf7_edx);
  all(&FptqCpuWords::xcr0);
}
