//===- Limits.h - what the numeric contract can hold -------------*- C++ -*-===//
#ifndef FPTQ_IR_LIMITS_H
#define FPTQ_IR_LIMITS_H

#include <cstdint>

namespace mlir::fptq {

/// QM5: 255 * 127 * K < 2^31 for K up to here, so that one int32 sum over all of K is exact.
inline constexpr int64_t kMaxInputChannels = 65536;

/// Input channels that such a sum runs over: `k`, and what fills up the last of its groups (0: one group). Of more than
/// there may be, `k` itself.
inline int64_t summedChannels(int64_t k, int64_t groupSize) {
  if (k > kMaxInputChannels || groupSize == 0 || k % groupSize == 0)
    return k;
  return (k / groupSize + 1) * groupSize;
}

} // namespace mlir::fptq

#endif // FPTQ_IR_LIMITS_H
