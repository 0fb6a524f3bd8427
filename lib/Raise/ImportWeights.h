//===- ImportWeights.h - dequantized constants as fptq.dequantize -*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_IMPORTWEIGHTS_H
#define FPTQ_LIB_RAISE_IMPORTWEIGHTS_H

#include "DequantizeMatch.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::fptq {

/// How a weight's dimensions are rows (N) and columns (K) of a matrix: its input channels are its last dimensions or
/// its first, several of them with the windows of a convolution.
struct MatrixView {
  SmallVector<int64_t> shape; ///< the matrix, in the order of the weight
  int64_t kDim;               ///< which of the two is K
  SmallVector<ReassociationIndices> groups;

  /// `reduced`: the dimensions that are input channels. Nothing where they are not together at one end.
  static std::optional<MatrixView> of(ArrayRef<int64_t> shape, const llvm::SmallBitVector &reduced);
};

/// Makes `fptq.dequantize` of what was matched. Codes are repacked, never changed: two weights that are the same
/// constants become the same constants.
class WeightImporter {
public:
  explicit WeightImporter(const ParameterFiles &files) : files(files) {}

  /// A value that equals `value`, seen as `view`, bit for bit. An error is emitted and names the weight where its
  /// numbers cannot be had; `reason` is set where no `fptq.dequantize` can hold them.
  FailureOr<Value> import(RewriterBase &rewriter, Value value, Dequantization match, const MatrixView &view,
                          std::string &reason);

private:
  struct Constants {
    Attribute codes, scales, zeros;
    int64_t bits = 4, groupSize = 0;
  };
  FailureOr<Constants> convert(const Dequantization &match, ArrayRef<int64_t> shape, int64_t kDim, StringRef name,
                               std::string &reason);
  /// The matrix of `view`, of `element`s.
  static Value emit(RewriterBase &rewriter, Location loc, const Constants &constants, StringRef name, Type element,
                    const MatrixView &view);

  const ParameterFiles &files;
  llvm::StringMap<Constants> made;
};

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_IMPORTWEIGHTS_H
