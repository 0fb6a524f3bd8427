//===- Peaks.cpp - what this machine can do at most -----------------------===//
//
// Hand-written on purpose: a peak measured with the compiler under test would measure the compiler.
//
//===----------------------------------------------------------------------===//
#include "Peaks.h"

#include <ctime>
#include <immintrin.h>
#include <memory>
#include <thread>
#include <vector>

using namespace mlir::fptq;

/// Seconds this thread has run: other people's work on the machine does not count.
static double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

/// Sum over threads of work(thread) units a second.
template <typename Fn> static double rate(int threads, Fn work) {
  std::vector<double> rates(threads);
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t)
    pool.emplace_back([&, t] {
      work(t); // warm
      double start = now(), units = 0;
      while (now() - start < 0.03)
        units += work(t);
      rates[t] = units / (now() - start);
    });
  for (std::thread &t : pool)
    t.join();
  double sum = 0;
  for (double r : rates)
    sum += r;
  return sum;
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) static double vnniDots(int) {
  __m512i sums[20], w = _mm512_set1_epi8(3), x = _mm512_set1_epi8(-5);
  for (__m512i &s : sums)
    s = _mm512_setzero_si512();
  for (int i = 0; i < 20000; ++i)
    for (__m512i &s : sums)
      s = _mm512_dpbusd_epi32(s, w, x);
  for (int i = 1; i < 20; ++i)
    sums[0] = _mm512_add_epi32(sums[0], sums[i]);
  volatile int sink = _mm512_reduce_add_epi32(sums[0]);
  (void)sink;
  return 20000 * 20 * 64 * 2e-9;
}

__attribute__((target("avx2"))) static double maddDots(int) {
  __m256i sums[12], w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(-5);
  for (__m256i &s : sums)
    s = _mm256_setzero_si256();
  for (int i = 0; i < 20000; ++i) {
    for (__m256i &s : sums) {
      __m256i product;
      __asm__ volatile("vpmaddubsw %3, %2, %1\n\tvpaddw %1, %0, %0" : "+x"(s), "=&x"(product) : "x"(w), "x"(x));
    }
  }
  for (int i = 1; i < 12; ++i)
    sums[0] = _mm256_add_epi16(sums[0], sums[i]);
  volatile int sink = _mm256_extract_epi16(sums[0], 0);
  (void)sink;
  return 20000 * 12 * 32 * 2e-9;
}

namespace {
struct alignas(64) TileConfig {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t columnBytes[16] = {};
  uint8_t rows[16] = {};
};
} // namespace

/// 2x2 blocks: A is 8 KiB (L1), B 512 KiB (L2), both read in order.
__attribute__((target("amx-tile,amx-int8"))) static double amxDots(int) {
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

double bench::dotPeak(const std::string &tier, int threads) {
  return rate(threads, tier == "avx2" ? maddDots : tier == "amx-int8" ? amxDots : vnniDots);
}

__attribute__((target("avx2"))) static void readOnce(const uint8_t *p, int64_t bytes) {
  __m256i sums[4] = {};
  for (int64_t i = 0; i < bytes; i += 128)
    for (int j = 0; j < 4; ++j)
      sums[j] = _mm256_or_si256(sums[j], _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p + i + 32 * j)));
  sums[0] = _mm256_or_si256(_mm256_or_si256(sums[0], sums[1]), _mm256_or_si256(sums[2], sums[3]));
  volatile int sink = _mm256_extract_epi32(sums[0], 0);
  (void)sink;
}

double bench::readPeak(int64_t bytes, int threads) {
  static std::vector<uint64_t> memory;
  if (int64_t(memory.size()) * 8 < bytes * threads)
    memory.assign(bytes * threads / 8, 1);
  return rate(threads, [&](int t) {
    readOnce(reinterpret_cast<const uint8_t *>(memory.data()) + t * bytes, bytes);
    return bytes * 1e-9;
  });
}
