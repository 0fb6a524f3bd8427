//===- Peaks.h - what this machine can do at most ---------------*- C++ -*-===//
//
// Hand-written on purpose: a peak measured with the compiler under test would measure the compiler.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_BENCHMARK_PEAKS_H
#define FPTQ_BENCHMARK_PEAKS_H

#include <cstdint>
#include <functional>
#include <string>

namespace mlir::fptq::bench {

/// Sum over `threads` threads of the units a second that work(thread) does: each call returns how many it did.
double rate(int threads, const std::function<double(int)> &work);

/// GOPS (two operations a multiply-add) of the tier's dot product, operands in registers. On avx2 and avxvnni the
/// instructions that end sums are counted in, as few as a kernel can do with (widening, scales, offsets). AMX reloads
/// all four tiles of a 2 x 2 block each step, A from L1 and B from L2.
double dotPeak(const std::string &tier, bool twoLevel, int64_t group, int threads);

/// GOPS of one row of k activations times so many bytes of weights, split among threads; 0: weights in L1. Nibbles
/// loaded, unpacked and multiplied, nothing else.
double streamPeak(const std::string &tier, int64_t k, int64_t bytes, int threads);

/// GB/s of a plain read loop over `bytes` bytes, split among threads.
double readPeak(int64_t bytes, int threads);

} // namespace mlir::fptq::bench

#endif // FPTQ_BENCHMARK_PEAKS_H
