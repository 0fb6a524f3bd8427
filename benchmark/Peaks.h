//===- Peaks.h - what this machine can do at most ---------------*- C++ -*-===//
#ifndef FPTQ_BENCHMARK_PEAKS_H
#define FPTQ_BENCHMARK_PEAKS_H

#include <cstdint>
#include <string>

namespace mlir::fptq::bench {

/// GOPS (two operations a multiply-add) of the tier's dot product on `threads` cores, operands in registers; AMX with
/// all four tiles of a 2x2 block reloaded each step, A from L1 and B from L2.
double dotPeak(const std::string &tier, int threads);

/// GB/s of a plain read loop over `bytes` bytes a thread.
double readPeak(int64_t bytes, int threads);

} // namespace mlir::fptq::bench

#endif // FPTQ_BENCHMARK_PEAKS_H
