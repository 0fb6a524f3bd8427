//===- Candidates.h - ways to quantize one group -----------------*- C++ -*-===//
#ifndef FPTQ_LIB_QUANTIZE_CANDIDATES_H
#define FPTQ_LIB_QUANTIZE_CANDIDATES_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace mlir::fptq {

/// scale * (code - zero), code in 0..15.
struct GroupFit {
  float scale = 1.0f;
  int32_t zero = 8;
  double error = 0; ///< weighted squared error
};

/// The best of a few scales for one group (`importance` empty: all 1). Symmetric: the value of largest
/// magnitude maps to code 0 (scale = extreme / -8, which may be negative and uses all 16 codes; the
/// trick of GGUF's Q4_0) or absmax / 7; asymmetric: the range with 0 in it over 15. With `searchClip`
/// also ranges shrunk in 20 steps down to half (the grid of llm-compressor's MSE observer).
GroupFit fitGroup(llvm::ArrayRef<float> values, llvm::ArrayRef<float> importance, bool symmetric, bool searchClip,
                  bool halfScales);

/// Code of `value` under `scale` and `zero`, rounded half to even and saturated to 0..15.
int32_t codeOf(float value, float scale, int32_t zero);

/// `scale` as it is stored, and never 0.
float storedScale(float scale, bool halfScales);

} // namespace mlir::fptq

#endif // FPTQ_LIB_QUANTIZE_CANDIDATES_H
