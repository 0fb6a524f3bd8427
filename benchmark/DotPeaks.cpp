//===- DotPeaks.cpp - dot products in registers ---------------------------===//
#include "Peaks.h"

#include <immintrin.h>
#include <memory>

using namespace mlir::fptq;

//===----------------------------------------------------------------------===//
// AVX2 and AVX-VNNI: 12 sums, as in a tile of 6 rows and 2 vectors
//===----------------------------------------------------------------------===//

// Inline assembly keeps compilers from regrouping the sums. Operands stay in registers and one serves for all; what a
// sum ends in is thrown away, so that no instruction waits for another's result: the bound is the mix of instructions.

using Sums = __m256i[12];
#define FPTQ_EACH(text)                                                                                                \
  for (__m256i &sum : sums) {                                                                                          \
    __m256i other;                                                                                                     \
    __asm__ volatile(text : "+x"(sum), "=&x"(other) : "x"(operand));                                                   \
  }
#define FPTQ_INLINE(features) __attribute__((target(features), always_inline)) static inline void

FPTQ_INLINE("avx2,fma") addPairs(Sums &sums, __m256i operand) {
  FPTQ_EACH("vpmaddubsw %2, %2, %1\n\tvpaddw %1, %0, %0");
}
FPTQ_INLINE("avx2,fma") multiplyPairs(Sums &sums, __m256i operand) { FPTQ_EACH("vpmaddwd %2, %0, %1"); }
FPTQ_INLINE("avx2,fma") addWide(Sums &sums, __m256i operand) { FPTQ_EACH("vpaddd %2, %0, %1"); }
FPTQ_INLINE("avx2,fma") scale(Sums &sums, __m256i operand) { FPTQ_EACH("vcvtdq2ps %0, %1\n\tvfmadd213ps %2, %2, %1"); }
FPTQ_INLINE("avx2,avxvnni") addFours(Sums &sums, __m256i operand) {
  FPTQ_EACH("%{vex%} vpdpbusd %2, %2, %0"); // `other` is not used
}

/// The instructions that no kernel can do without. Sums of 16 bits are widened every 64 k where the zero point is in
/// their start (group scheme), else every 32 k, which in the two-level scheme multiplies as well; the parts of a group
/// are added up. A group's offset takes half a product and an addition, since one vpmaddwd has room for two groups;
/// group sums are converted and scaled.
__attribute__((target("avx2,fma"))) static double avx2Dots(bool twoLevel, int64_t group) {
  Sums sums = {};
  const __m256i operand = _mm256_set1_epi8(1);
  const int64_t groups = 400000 / group, depth = !twoLevel && group % 64 == 0 ? 64 : 32;
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t k = 0; k < group; k += depth) {
      for (int64_t quad = 0; quad < depth / 4; ++quad)
        addPairs(sums, operand);
      multiplyPairs(sums, operand);
      if (twoLevel || k)
        addWide(sums, operand);
    }
    if (!twoLevel) {
      scale(sums, operand);
    } else if (g % 2) {
      multiplyPairs(sums, operand);
      addWide(sums, operand);
    }
  }
  return groups * (group / 4) * 12 * 32 * 2e-9;
}

/// Sums of 32 bits: a conversion and an FMA a group, nothing in the two-level scheme, whose slabs hold whole weights.
__attribute__((target("avx2,fma,avxvnni"))) static double avxVnniDots(bool twoLevel, int64_t group) {
  Sums sums = {};
  const __m256i operand = _mm256_set1_epi8(1);
  const int64_t groups = 400000 / group;
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t quad = 0; quad < group / 4; ++quad)
      addFours(sums, operand);
    if (!twoLevel)
      scale(sums, operand);
  }
  return groups * (group / 4) * 12 * 32 * 2e-9;
}

//===----------------------------------------------------------------------===//
// AVX-512 VNNI
//===----------------------------------------------------------------------===//

__attribute__((target("avx512f,avx512bw,avx512vnni"))) static double vnniDots() {
  __m512i sums[20], w = _mm512_set1_epi8(3), x = _mm512_set1_epi8(-5);
  for (__m512i &s : sums)
    s = _mm512_setzero_si512();
  for (int i = 0; i < 20000; ++i)
    for (__m512i &s : sums)
      s = _mm512_dpbusd_epi32(s, w, x);
  for (int i = 1; i < 20; ++i)
    sums[0] = _mm512_add_epi32(sums[0], sums[i]);
  __asm__ volatile("" ::"v"(sums[0])); // all of it is wanted
  return 20000 * 20 * 64 * 2e-9;
}

//===----------------------------------------------------------------------===//
// AMX
//===----------------------------------------------------------------------===//

namespace {
struct alignas(64) TileConfig {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t columnBytes[16] = {};
  uint8_t rows[16] = {};
};
} // namespace

/// 2x2 blocks: A is 8 KiB (L1), B 512 KiB (L2), both read in order.
__attribute__((target("amx-tile,amx-int8"))) static double amxDots() {
  TileConfig config;
  for (int i = 0; i < 8; ++i)
    config.columnBytes[i] = 64, config.rows[i] = 16;
  struct alignas(64) Operands {
    int8_t a[8 << 10], b[512 << 10];
  };
  static thread_local std::unique_ptr<Operands> operands = std::make_unique<Operands>();
  __asm__ volatile("ldtilecfg %0" ::"m"(config));
  int steps = 0;
  for (int round = 0; round < 4; ++round)
    for (size_t at = 0; at < sizeof(operands->b); at += 2048, ++steps) {
      const int8_t *pa = operands->a + at % sizeof(operands->a), *pb = operands->b + at;
      _tile_loadd(4, pa, 64);
      _tile_loadd(6, pb, 64);
      _tile_loadd(7, pb + 1024, 64);
      _tile_loadd(5, pa + 1024, 64);
      _tile_dpbsud(0, 4, 6);
      _tile_dpbsud(1, 4, 7);
      _tile_dpbsud(2, 5, 6);
      _tile_dpbsud(3, 5, 7);
    }
  _tile_release();
  return steps * 4 * 16384 * 2e-9;
}

double bench::dotPeak(const std::string &tier, bool twoLevel, int64_t group, int threads) {
  return rate(threads, [&](int) {
    return tier == "avx2"       ? avx2Dots(twoLevel, group)
           : tier == "avxvnni"  ? avxVnniDots(twoLevel, group)
           : tier == "amx-int8" ? amxDots()
                                : vnniDots();
  });
}
