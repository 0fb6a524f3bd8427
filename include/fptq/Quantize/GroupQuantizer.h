//===- GroupQuantizer.h - weights to 4-bit codes, without IR -----*- C++ -*-===//
//
// The mathematics of the quantize stage. Codes come in the portable order of
// `fptq.quantized_matmul`: row n, position p = g * groupSize + offset, two codes a byte, the even
// position in the low nibble; a ragged last group is filled with codes that stand for zero.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_QUANTIZE_GROUPQUANTIZER_H
#define FPTQ_QUANTIZE_GROUPQUANTIZER_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace mlir::fptq {

struct QuantizerOptions {
  int64_t groupSize = 128; ///< input channels a group, at least 1
  bool twoLevel = false;   ///< integer multiplier and offset a group, one float scale a row
  bool symmetric = true;   ///< group scheme: zero point 8, not stored
  bool searchClip = false; ///< mse: also try ranges clipped down to half
  bool halfScales = false; ///< scales rounded to f16 before codes are chosen
};

struct QuantizedWeight {
  int64_t n = 0, k = 0, groups = 0;
  std::vector<uint8_t> codes;       ///< n x ceil(groups * groupSize / 2)
  std::vector<float> scales;        ///< n x groups, or n in the two-level scheme
  std::vector<uint8_t> zeros;       ///< n x groups: zero points 0..15 or offsets b; empty when symmetric
  std::vector<uint8_t> multipliers; ///< n x groups: a in 1..16; empty in the group scheme
  double errorDb = 0;               ///< 10 log10(sum (w - w')^2 / sum w^2)
};

/// Quantizes `weight`, n x k row-major and finite. `importance` (k values, or empty) weighs the squared
/// error of each input channel where a choice is made. Rows are independent and run in parallel; the
/// result does not depend on how.
QuantizedWeight quantizeWeight(llvm::ArrayRef<float> weight, int64_t n, int64_t k, const QuantizerOptions &options,
                               llvm::ArrayRef<float> importance = {});

/// The weights that `quantized` stands for, n x k: the definition of the two schemes, spelled plainly.
std::vector<float> dequantizeWeight(const QuantizedWeight &quantized, const QuantizerOptions &options);

} // namespace mlir::fptq

#endif // FPTQ_QUANTIZE_GROUPQUANTIZER_H
