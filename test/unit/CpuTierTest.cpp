//===- CpuTierTest.cpp - the tier of every kind of processor --------------===//
#include "fptq-runtime/CpuTier.h"
#include <gtest/gtest.h>

namespace {
// Words of real processors, as their makers document the features; only the bits that matter here.
constexpr uint32_t kAvx = 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29; // FMA, MOVBE, OSXSAVE, AVX, F16C
constexpr uint32_t kBmi2 = 1u << 8, kAvx2 = 1u << 3 | 1u << 5 | kBmi2;          // and BMI1
constexpr uint32_t kCd = 1u << 28, kAvx512 = 1u << 16 | 1u << 17 | kCd | 1u << 30 | 1u << 31, kVnni = 1u << 11;
constexpr uint32_t kLzcnt = 1u << 5;
constexpr uint32_t kAmx = 1u << 24 | 1u << 25, kAvxVnni = 1u << 4, kAmd = 1;

struct Row {
  const char *name;
  FptqCpuWords words;
  FptqTier tier;      ///< the best
  const char *reason; ///< what the best of all lacks
};

const Row kRows[] = {
    {"nothing", {0, 0, 0, 0, 0, 0, 0, kLzcnt}, FPTQ_REFERENCE, "no AVX"},
    {"Nehalem", {0, 0, 0, 0, 0x3, 0, 0, kLzcnt}, FPTQ_REFERENCE, "no AVX"},
    {"Sandy Bridge", {1u << 27 | 1u << 28, 0, 0, 0, 0x7, 0, 0, kLzcnt}, FPTQ_REFERENCE, "no AVX2"},
    {"Haswell", {kAvx, kAvx2, 0, 0, 0x7, 0, 0, kLzcnt}, FPTQ_AVX2, "no AVX-512"},
    {"Haswell, system without XSAVE", {kAvx & ~(1u << 27), kAvx2, 0, 0, 0, 0, 0, kLzcnt}, FPTQ_REFERENCE, "no AVX"},
    {"Haswell, system saves SSE only", {kAvx, kAvx2, 0, 0, 0x3, 0, 0, kLzcnt}, FPTQ_REFERENCE, "the system saves"},
    {"Haswell, BMI2 masked", {kAvx, kAvx2 & ~kBmi2, 0, 0, 0x7, 0, 0, kLzcnt}, FPTQ_REFERENCE, "no BMI1, BMI2"},
    {"Haswell, LZCNT masked", {kAvx, kAvx2, 0, 0, 0x7, 0, 0, 0}, FPTQ_REFERENCE, "LZCNT"},
    {"Cascade Lake, CD masked", {kAvx, (kAvx2 | kAvx512) & ~kCd, kVnni, 0, 0xe7, 0, 0, kLzcnt}, FPTQ_AVX2, "CD"},
    {"Alder Lake", {kAvx, kAvx2, 0, 0, 0x7, kAvxVnni, 0, kLzcnt}, FPTQ_AVXVNNI, "no AVX-512"},
    {"Alder Lake, system saves SSE only",
     {kAvx, kAvx2, 0, 0, 0x3, kAvxVnni, 0, kLzcnt},
     FPTQ_REFERENCE,
     "the system saves"},
    {"Skylake-X", {kAvx, kAvx2 | kAvx512, 0, 0, 0xe7, 0, 0, kLzcnt}, FPTQ_AVX2, "VNNI"},
    {"Knights Landing", {kAvx, kAvx2 | 1u << 16, 0, 0, 0xe7, 0, 0, kLzcnt}, FPTQ_AVX2, "AVX-512 F, DQ, CD, BW, VL"},
    {"Cascade Lake", {kAvx, kAvx2 | kAvx512, kVnni, 0, 0xe7, 0, 0, kLzcnt}, FPTQ_AVX512VNNI, "no AMX"},
    {"Cascade Lake, AVX-512 not saved",
     {kAvx, kAvx2 | kAvx512, kVnni, 0, 0x7, 0, 0, kLzcnt},
     FPTQ_AVX2,
     "does not save AVX-512"},
    {"Zen 4", {kAvx, kAvx2 | kAvx512, kVnni, 0, 0x2e7, 0, kAmd, kLzcnt}, FPTQ_AVX512VNNI_ZEN, "no AMX"},
    {"Zen 4, AVX-512 not saved",
     {kAvx, kAvx2 | kAvx512, kVnni, 0, 0x7, 0, kAmd, kLzcnt},
     FPTQ_AVX2,
     "does not save AVX-512"},
    {"Zen 3", {kAvx, kAvx2, 0, 0, 0x207, 0, kAmd, kLzcnt}, FPTQ_AVX2, "no AVX-512"},
    {"Sapphire Rapids, XCR0 3",
     {kAvx, kAvx2 | kAvx512, kVnni, kAmx, 0x3, kAvxVnni, 0, kLzcnt},
     FPTQ_REFERENCE,
     "the system saves"},
    {"Sapphire Rapids, XCR0 7",
     {kAvx, kAvx2 | kAvx512, kVnni, kAmx, 0x7, kAvxVnni, 0, kLzcnt},
     FPTQ_AVXVNNI,
     "does not save AVX-512"},
    {"Sapphire Rapids, XCR0 e7",
     {kAvx, kAvx2 | kAvx512, kVnni, kAmx, 0xe7, kAvxVnni, 0, kLzcnt},
     FPTQ_AVX512VNNI,
     "does not save AMX"},
    {"Sapphire Rapids, tile data alone",
     {kAvx, kAvx2 | kAvx512, kVnni, kAmx, 0x400e7, kAvxVnni, 0, kLzcnt},
     FPTQ_AVX512VNNI,
     "AMX tiles"},
    {"Sapphire Rapids", {kAvx, kAvx2 | kAvx512, kVnni, kAmx, 0x600e7, kAvxVnni, 0, kLzcnt}, FPTQ_AMX_INT8, ""},
    {"AMX without INT8",
     {kAvx, kAvx2 | kAvx512, kVnni, 1u << 24, 0x600e7, 0, 0, kLzcnt},
     FPTQ_AVX512VNNI,
     "no AMX-INT8"},
};
} // namespace

static FptqTier best(const FptqCpuWords &words) {
  int tier = FPTQ_AMX_INT8;
  while (fptq_tier_lacks(&words, FptqTier(tier)))
    --tier;
  return FptqTier(tier);
}

TEST(CpuTier, EveryKindOfProcessorAndSystem) {
  for (const Row &row : kRows) {
    EXPECT_EQ(best(row.words), row.tier) << row.name;
    const char *lacks = fptq_tier_lacks(&row.words, FPTQ_AMX_INT8);
    EXPECT_EQ(lacks == nullptr, row.tier == FPTQ_AMX_INT8) << row.name;
    EXPECT_NE(std::string(lacks ? lacks : "").find(row.reason), std::string::npos) << row.name << ": " << lacks;
  }
}

/// Desktops have AVX-VNNI without AVX-512, servers AVX-512 VNNI without AVX-VNNI: neither gets the other's code.
TEST(CpuTier, AvxVnniIsNoPartOfTheChain) {
  const FptqCpuWords zen4 = {kAvx, kAvx2 | kAvx512, kVnni, 0, 0xe7, 0, 0, kLzcnt};
  EXPECT_EQ(fptq_tier_lacks(&zen4, FPTQ_AVX512VNNI), nullptr);
  EXPECT_STREQ(fptq_tier_lacks(&zen4, FPTQ_AVXVNNI), "the processor has no AVX-VNNI");
  const FptqCpuWords alder = {kAvx, kAvx2, 0, 0, 0x7, kAvxVnni, 0, kLzcnt};
  EXPECT_EQ(fptq_tier_lacks(&alder, FPTQ_AVXVNNI), nullptr);
  EXPECT_NE(fptq_tier_lacks(&alder, FPTQ_AVX512VNNI), nullptr);
}

/// Intel's processors with AMX do not have what is made for AMD's, AMD's have what is made for all.
TEST(CpuTier, ZenIsNoPartOfTheChain) {
  const FptqCpuWords rapids = {kAvx, kAvx2 | kAvx512, kVnni, kAmx, 0x600e7, kAvxVnni, 0, kLzcnt};
  EXPECT_EQ(fptq_tier_lacks(&rapids, FPTQ_AMX_INT8), nullptr);
  EXPECT_STREQ(fptq_tier_lacks(&rapids, FPTQ_AVX512VNNI_ZEN), "the processor is not AMD's");
  const FptqCpuWords zen4 = {kAvx, kAvx2 | kAvx512, kVnni, 0, 0xe7, 0, kAmd, kLzcnt};
  EXPECT_EQ(fptq_tier_lacks(&zen4, FPTQ_AVX512VNNI), nullptr);
  EXPECT_EQ(fptq_tier_lacks(&zen4, FPTQ_AVX512VNNI_ZEN), nullptr);
}

/// No word that lacks a bit of a tier's needs may still get that tier: an illegal instruction would be next.
TEST(CpuTier, EachNeededBitIsNeeded) {
  struct Needs {
    FptqTier tier;
    FptqCpuWords words;
  };
  const Needs all[] = {
      {FPTQ_AVX2, {kAvx & ~(1u << 28), kAvx2, 0, 0, 0x6, 0, 0, kLzcnt}},
      {FPTQ_AVXVNNI, {kAvx & ~(1u << 28), kAvx2, 0, 0, 0x6, kAvxVnni, 0, kLzcnt}},
      {FPTQ_AVX512VNNI, {kAvx & ~(1u << 28), kAvx2 | kAvx512, kVnni, 0, 0xe6, 0, 0, kLzcnt}},
      {FPTQ_AVX512VNNI_ZEN, {kAvx & ~(1u << 28), kAvx2 | kAvx512, kVnni, 0, 0xe6, 0, kAmd, kLzcnt}},
      {FPTQ_AMX_INT8, {kAvx & ~(1u << 28), kAvx2 | kAvx512, kVnni, kAmx, 0x600e6, 0, 0, kLzcnt}},
  };
  for (const Needs &needs : all) {
    ASSERT_EQ(fptq_tier_lacks(&needs.words, needs.tier), nullptr);
    auto each = [&](auto member) {
      for (int bit = 0; bit < 64; ++bit) {
        FptqCpuWords words = needs.words;
        words.*member &= ~(uint64_t(1) << bit);
        if (uint64_t(needs.words.*member) >> bit & 1) {
          EXPECT_NE(fptq_tier_lacks(&words, needs.tier), nullptr) << fptq_tier_name(needs.tier) << " bit " << bit;
        }
      }
    };
    each(&FptqCpuWords::leaf1_ecx);
    each(&FptqCpuWords::leaf7_ebx);
    each(&FptqCpuWords::leaf7_ecx);
    each(&FptqCpuWords::leaf7_edx);
    each(&FptqCpuWords::xcr0);
    each(&FptqCpuWords::leaf7_1_eax);
    each(&FptqCpuWords::amd);
    each(&FptqCpuWords::extended_ecx);
  }
}
