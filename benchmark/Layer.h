//===- Layer.h - one linear layer to be timed -------------------*- C++ -*-===//
#ifndef FPTQ_BENCHMARK_LAYER_H
#define FPTQ_BENCHMARK_LAYER_H

#include "KernelJit.h"
#include "fptq/Pack/X86Layout.h"
#include "fptq/Support/HugePages.h"

namespace mlir::fptq::bench {

/// `copies` matrices of one format and shape, m rows of float activations; results do not matter here.
class Layer {
public:
  Layer(PackedShape shape, int64_t copies);

  /// Rows of activations from now on.
  void setRows(int64_t rows);
  /// Quantizes the activations and multiplies them with the next copy of the weights.
  void run(KernelJit &kernel);

  const PackedShape shape;
  const int64_t copies, bytes; ///< bytes: of one copy
  int64_t rows() const { return m; }

private:
  x86::PanelLayout layout;
  std::shared_ptr<char> packed; ///< all copies, one behind the other, in the memory that fptq-pack packs into
  int64_t m = 0, copy = 0;
  std::vector<float> x, xScales, y;
  std::vector<int8_t> q;
  std::vector<int32_t> sums;
};

} // namespace mlir::fptq::bench

#endif // FPTQ_BENCHMARK_LAYER_H
