//===- ImportWeights.h - dequantized constants as fptq.dequantize -*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_IMPORTWEIGHTS_H
#define FPTQ_LIB_RAISE_IMPORTWEIGHTS_H

#include "DequantizeMatch.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::fptq {

/// Makes `fptq.dequantize` of what was matched. Codes are repacked, never changed: two weights that are the same
/// constants become the same constants.
class WeightImporter {
public:
  explicit WeightImporter(const ParameterFiles &files) : files(files) {}

  /// A value that equals `value` (two-dimensional, `kDim` its input channels) bit for bit. An error is emitted and
  /// names the weight where its numbers cannot be had; `reason` is set where no `fptq.dequantize` can hold them.
  FailureOr<Value> import(RewriterBase &rewriter, Value value, const Dequantization &match, int64_t kDim,
                          std::string &reason);

private:
  struct Constants {
    Attribute codes, scales, zeros;
    int64_t bits = 4, groupSize = 0;
  };
  FailureOr<Constants> convert(const Dequantization &match, ArrayRef<int64_t> shape, int64_t kDim, StringRef name,
                               std::string &reason);

  const ParameterFiles &files;
  llvm::StringMap<Constants> made;
};

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_IMPORTWEIGHTS_H
