//===- EqualizationScales.h - how much each channel is divided by -*- C++ -*-===//
//
// Equalization divides input channel j of a layer by s_j and multiplies column j of its weight by it:
// `X W^T = (X diag(1/s)) (W diag(s))^T`. What s is, is the formula; docs/Equalization.md has both.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_EQUALIZE_EQUALIZATIONSCALES_H
#define FPTQ_EQUALIZE_EQUALIZATIONSCALES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>
#include <vector>

namespace mlir::fptq {

enum class EqualizationFormula {
  Logarithmic, ///< "lae": FPTQ, arXiv 2308.15987; looks at activations only
  SmoothQuant, ///< "smoothquant": arXiv 2211.10438; looks at activations and weights
};

std::optional<EqualizationFormula> parseEqualizationFormula(llvm::StringRef word);

struct EqualizationOptions {
  EqualizationFormula formula = EqualizationFormula::Logarithmic;
  double alpha = 0.5;  ///< SmoothQuant's migration strength, 0..1
  double minScale = 0; ///< lower bound of s; 1 never amplifies a channel
};

/// No scale is below this, so that 1/s stays far from overflow (llm-compressor and SmoothQuant have
/// the same floor).
constexpr double kSmallestScale = 1e-5;

/// s_j from `absmax[j] = max_t |X_tj|` and, for SmoothQuant, `weightAbsmax[j] = max_n |W_nj|` over
/// all layers that are equalized together (ignored, and may be empty, otherwise). A dead channel (absmax 0) has s = 1:
/// nothing was seen of it, so nothing is known to be gained.
std::vector<float> equalizationScales(llvm::ArrayRef<float> absmax, llvm::ArrayRef<float> weightAbsmax,
                                      const EqualizationOptions &options);

/// Raises `maxima[j]` to `max_n |weight[n, j]|`; `weight` is row-major with `maxima.size()` columns.
void accumulateColumnAbsmax(llvm::ArrayRef<float> weight, llvm::MutableArrayRef<float> maxima);

} // namespace mlir::fptq

#endif // FPTQ_EQUALIZE_EQUALIZATIONSCALES_H
