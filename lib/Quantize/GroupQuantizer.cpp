//===- GroupQuantizer.cpp - weights to 4-bit codes ------------------------===//
#include "fptq/Quantize/GroupQuantizer.h"
#include "Candidates.h"
#include "TwoLevel.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Parallel.h"

#include <cmath>

using namespace mlir::fptq;

namespace {
/// One row at a time; what several rows share is read only.
struct RowQuantizer {
  llvm::ArrayRef<float> weight, importance;
  const QuantizerOptions &options;
  QuantizedWeight &out;

  int64_t rowBytes() const { return llvm::divideCeil(out.groups * options.groupSize, 2); }

  void setCode(int64_t row, int64_t position, int32_t code) const {
    uint8_t &byte = out.codes[row * rowBytes() + position / 2];
    byte |= position % 2 ? code << 4 : code;
  }

  void groupScheme(int64_t row, int64_t group, llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights) const {
    GroupFit fit = fitGroup(values, weights, options.symmetric, options.searchClip, options.halfScales);
    out.scales[row * out.groups + group] = fit.scale;
    if (!options.symmetric)
      out.zeros[row * out.groups + group] = fit.zero;
    for (int64_t i = 0; i < options.groupSize; ++i)
      setCode(row, group * options.groupSize + i,
              i < (int64_t)values.size() ? codeOf(values[i], fit.scale, fit.zero) : fit.zero);
  }

  void twoLevelScheme(int64_t row, int64_t group, llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights) const {
    float scale = out.scales[row];
    TwoLevelFit fit = fitTwoLevel(values, weights, scale, options.searchClip);
    out.multipliers[row * out.groups + group] = fit.a;
    out.zeros[row * out.groups + group] = fit.b;
    for (int64_t i = 0; i < options.groupSize; ++i) // padding: its activations are zero, any code will do
      setCode(row, group * options.groupSize + i, i < (int64_t)values.size() ? twoLevelCode(values[i], scale, fit) : 0);
  }

  void quantizeRow(int64_t row) const {
    llvm::ArrayRef<float> values = weight.slice(row * out.k, out.k);
    if (options.twoLevel)
      out.scales[row] = rowScale(values, options.halfScales);
    for (int64_t group = 0; group < out.groups; ++group) {
      int64_t first = group * options.groupSize, count = std::min(options.groupSize, out.k - first);
      auto part = values.slice(first, count);
      auto weights = importance.empty() ? importance : importance.slice(first, count);
      options.twoLevel ? twoLevelScheme(row, group, part, weights) : groupScheme(row, group, part, weights);
    }
  }
};
} // namespace

std::vector<float> mlir::fptq::dequantizeWeight(const QuantizedWeight &q, const QuantizerOptions &options) {
  int64_t rowBytes = llvm::divideCeil(q.groups * options.groupSize, 2);
  std::vector<float> weight(q.n * q.k);
  for (int64_t row = 0; row < q.n; ++row)
    for (int64_t k = 0; k < q.k; ++k) {
      int64_t at = row * q.groups + k / options.groupSize;
      int32_t code = q.codes[row * rowBytes + k / 2] >> (k % 2 ? 4 : 0) & 15;
      weight[row * q.k + k] = options.twoLevel
                                  ? q.scales[row] * static_cast<float>(code * q.multipliers[at] + q.zeros[at] - 128)
                                  : q.scales[at] * static_cast<float>(code - (options.symmetric ? 8 : q.zeros[at]));
    }
  return weight;
}

/// Of whole rows summed in order, so that the figure does not depend on threads.
static double errorDb(llvm::ArrayRef<float> weight, llvm::ArrayRef<float> approximation) {
  double noise = 0, signal = 0;
  for (size_t i = 0; i < weight.size(); ++i) {
    double difference = static_cast<double>(weight[i]) - approximation[i];
    noise += difference * difference;
    signal += static_cast<double>(weight[i]) * weight[i];
  }
  return noise == 0 || signal == 0 ? -200.0 : 10.0 * std::log10(noise / signal);
}

QuantizedWeight mlir::fptq::quantizeWeight(llvm::ArrayRef<float> weight, int64_t n, int64_t k,
                                           const QuantizerOptions &options, llvm::ArrayRef<float> importance) {
  QuantizedWeight out;
  out.n = n, out.k = k, out.groups = llvm::divideCeil(k, options.groupSize);
  out.codes.assign(n * llvm::divideCeil(out.groups * options.groupSize, 2), 0);
  out.scales.resize(options.twoLevel ? n : n * out.groups);
  if (options.twoLevel || !options.symmetric)
    out.zeros.resize(n * out.groups);
  if (options.twoLevel)
    out.multipliers.resize(n * out.groups);
  RowQuantizer quantizer{weight, importance, options, out};
  llvm::parallelFor(0, n, [&](size_t row) { quantizer.quantizeRow(row); });
  out.errorDb = errorDb(weight, dequantizeWeight(out, options));
  return out;
}
