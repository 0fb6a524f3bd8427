//===- TwoLevel.h - integer scales inside one float scale a row --*- C++ -*-===//
#ifndef FPTQ_LIB_QUANTIZE_TWOLEVEL_H
#define FPTQ_LIB_QUANTIZE_TWOLEVEL_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace mlir::fptq {

/// The level-1 range: |row / s| <= 119 keeps 15 a + b <= 255 for every group whatever the rounding
/// (QoQ, arXiv 2405.04532 section 4.1, checked exhaustively there and in GroupQuantizerTest).
inline constexpr int32_t kProtectiveRange = 119;

/// Level-1 scale of a row: absmax / 119, as stored.
float rowScale(llvm::ArrayRef<float> row, bool halfScales);

/// byte = code * a + b; the weight is s * (byte - 128).
struct TwoLevelFit {
  int32_t a = 1, b = 128;
  double error = 0;
};

/// Best multiplier and offset of one group among the exact one and its neighbours; 1 <= a <= 16,
/// b >= 0 and 15 a + b <= 255 hold for every candidate that is considered.
TwoLevelFit fitTwoLevel(llvm::ArrayRef<float> values, llvm::ArrayRef<float> importance, float scale, bool searchClip);

/// Code whose byte is nearest to value / scale + 128.
int32_t twoLevelCode(float value, float scale, const TwoLevelFit &fit);

} // namespace mlir::fptq

#endif // FPTQ_LIB_QUANTIZE_TWOLEVEL_H
