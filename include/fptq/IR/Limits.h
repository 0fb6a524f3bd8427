//===- Limits.h - what the numeric contract can hold -------------*- C++ -*-===//
#ifndef FPTQ_IR_LIMITS_H
#define FPTQ_IR_LIMITS_H

#include <cstdint>

namespace mlir::fptq {

/// QM5: 255 * 127 * K < 2^31 for K up to here, so that one int32 sum over all of K is exact.
inline constexpr int64_t kMaxInputChannels = 65536;

} // namespace mlir::fptq

#endif // FPTQ_IR_LIMITS_H
