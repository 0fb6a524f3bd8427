//===- ReadPeak.cpp - a plain read loop, and rates of threads -------------===//
#include "Peaks.h"
#include "fptq/Support/HugePages.h"

#include <cstring>
#include <ctime>
#include <immintrin.h>
#include <thread>
#include <vector>

using namespace mlir::fptq;

/// One thread is timed by what it ran, a team by the clock on the wall, as kernels are.
static double now(int threads) {
  timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

double bench::rate(int threads, const std::function<double(int)> &work) {
  std::vector<double> rates(threads);
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t)
    pool.emplace_back([&, t] {
      work(t); // warm
      double start = now(threads), units = 0;
      while (now(threads) - start < 0.03)
        units += work(t);
      rates[t] = units / (now(threads) - start);
    });
  for (std::thread &t : pool)
    t.join();
  double sum = 0;
  for (double r : rates)
    sum += r;
  return sum;
}

__attribute__((target("avx2"))) static void readOnce(const uint8_t *p, int64_t bytes) {
  __m256i sums[4] = {};
  for (int64_t i = 0; i + 128 <= bytes; i += 128)
    for (int j = 0; j < 4; ++j)
      sums[j] = _mm256_or_si256(sums[j], _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p + i + 32 * j)));
  sums[0] = _mm256_or_si256(_mm256_or_si256(sums[0], sums[1]), _mm256_or_si256(sums[2], sums[3]));
  __asm__ volatile("" ::"x"(sums[0])); // all of it is wanted
}

double bench::readPeak(int64_t bytes, int threads) {
  static std::shared_ptr<char> memory; // of the kind that kernels read
  static int64_t size = 0;
  if (size < bytes) {
    memory = HugePages().allocate(size = bytes);
    std::memset(memory.get(), 1, size);
  }
  const int64_t share = bytes / threads, piece = std::min<int64_t>(share, 64 << 20);
  std::vector<int64_t> at(threads);
  return rate(threads, [&](int t) { // pieces: one pass over 1 GB would be a measurement of its own length
    readOnce(reinterpret_cast<const uint8_t *>(memory.get()) + t * share + at[t], piece);
    at[t] = at[t] + 2 * piece <= share ? at[t] + piece : 0;
    return piece * 1e-9;
  });
}
