//===- StreamPeaks.cpp - one row times weights from memory ----------------===//
//
// What a kernel of one row cannot leave out: weights in the order of docs/PackedLayout.md (P2), each octet of a pair
// loaded, unpacked and multiplied by two broadcast k-quads. No scales, no results. The loops differ in nothing but
// instructions, and the attribute that allows those forbids one template for all three.
//
//===----------------------------------------------------------------------===//
#include "Peaks.h"
#include "fptq/Support/HugePages.h"

#include <algorithm>
#include <cstring>
#include <immintrin.h>
#include <vector>

using namespace mlir::fptq;

static constexpr int64_t kInL1 = 16 << 10; // of weights: half of L1

/// Weights, and the activations of a pair, which starts again with the first.
struct Operands {
  const int *quads;
  int64_t pairOctets; ///< a multiple of 4
  const uint8_t *weights;
  int64_t octets; ///< a multiple of 4
};

__attribute__((target("avx2"))) static void avx2Stream(const Operands &o) {
  __m256i sums[8] = {}, low = _mm256_set1_epi8(15);
  for (int64_t i = 0, x = 0; i < o.octets; ++i, x = x + 1 < o.pairOctets ? x + 1 : 0) {
    __m256i a = _mm256_set1_epi32(o.quads[2 * x]), b = _mm256_set1_epi32(o.quads[2 * x + 1]);
    for (int j = 0; j < 4; ++j) {
      __m256i v = _mm256_load_si256(reinterpret_cast<const __m256i *>(o.weights + i * 128 + 32 * j));
      __m256i high = _mm256_srli_epi16(v, 4);
      sums[j] = _mm256_add_epi16(sums[j], _mm256_maddubs_epi16(_mm256_and_si256(v, low), a));
      sums[4 + j] = _mm256_add_epi16(sums[4 + j], _mm256_maddubs_epi16(_mm256_and_si256(high, low), b));
    }
  }
  for (int i = 1; i < 8; ++i)
    sums[0] = _mm256_add_epi16(sums[0], sums[i]);
  __asm__ volatile("" ::"x"(sums[0])); // all of it is wanted
}

__attribute__((target("avx2,avxvnni"))) static void avxVnniStream(const Operands &o) {
  __m256i sums[8] = {}, low = _mm256_set1_epi8(15), high = _mm256_set1_epi8(-16);
  for (int64_t i = 0, x = 0; i < o.octets; ++i, x = x + 1 < o.pairOctets ? x + 1 : 0) {
    __m256i a = _mm256_set1_epi32(o.quads[2 * x]), b = _mm256_set1_epi32(o.quads[2 * x + 1]);
    for (int j = 0; j < 4; ++j) {
      __m256i v = _mm256_load_si256(reinterpret_cast<const __m256i *>(o.weights + i * 128 + 32 * j));
      sums[j] = _mm256_dpbusd_avx_epi32(sums[j], _mm256_and_si256(v, low), a);
      sums[4 + j] = _mm256_dpbusd_avx_epi32(sums[4 + j], _mm256_and_si256(v, high), b);
    }
  }
  for (int i = 1; i < 8; ++i)
    sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  __asm__ volatile("" ::"x"(sums[0])); // all of it is wanted
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) static void vnniStream(const Operands &o) {
  __m512i sums[16] = {}, low = _mm512_set1_epi8(15), high = _mm512_set1_epi8(-16);
  for (int64_t i = 0, x = 0; i < o.octets; i += 4, x = x + 4 < o.pairOctets ? x + 4 : 0)
    for (int j = 0; j < 4; ++j) {
      const int *quads = o.quads + 2 * (x + j);
      __m512i a = _mm512_set1_epi32(quads[0]), b = _mm512_set1_epi32(quads[1]);
      for (int panel = 0; panel < 2; ++panel) {
        __m512i v = _mm512_load_si512(o.weights + (i + j) * 128 + panel * 64), *two = sums + 2 * (2 * j + panel);
        two[0] = _mm512_dpbusd_epi32(two[0], _mm512_and_si512(v, low), a);
        two[1] = _mm512_dpbusd_epi32(two[1], _mm512_and_si512(v, high), b);
      }
    }
  for (int i = 1; i < 16; ++i)
    sums[0] = _mm512_add_epi32(sums[0], sums[i]);
  __asm__ volatile("" ::"v"(sums[0])); // all of it is wanted
}

double bench::streamPeak(const std::string &tier, int64_t k, int64_t bytes, int threads) {
  auto stream = tier == "avx2" ? avx2Stream : tier == "avxvnni" ? avxVnniStream : vnniStream;
  const int64_t pairOctets = std::max<int64_t>(4, k / 32 * 4);
  const std::vector<int> quads(2 * pairOctets, 3);
  // A thread's share of what kernels read, or weights of its own in L1; whole turns of four octets.
  const int64_t share = bytes ? bytes / threads / 512 * 512 : kInL1;
  static std::shared_ptr<char> memory;
  static int64_t size = 0;
  if (size < share * threads) {
    memory = HugePages().allocate(size = share * threads);
    std::memset(memory.get(), 1, size);
  }
  const int64_t passes = std::max<int64_t>(1, (640 << 10) / share);
  return rate(threads, [&](int t) {
    auto *weights = reinterpret_cast<const uint8_t *>(memory.get()) + t * share;
    for (int64_t pass = 0; pass < passes; ++pass)
      stream({quads.data(), pairOctets, weights, share / 128});
    return passes * share * 2 * 2e-9;
  });
}
