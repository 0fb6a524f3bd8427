//===- CopiedWindows.h - convolutions whose windows overlap ------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_COPIEDWINDOWS_H
#define FPTQ_LIB_RAISE_COPIEDWINDOWS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::fptq {

/// True if a copy of all windows, as floats, would take more memory than a model should. Open extents count as 1.
bool isTooLargeToCopy(AffineMap inputMap, ArrayRef<int64_t> extents);

/// The loops of windows first, those that run along a dimension of the input alone (channels) after them.
void putChannelsLast(AffineMap inputMap, SmallVectorImpl<unsigned> &reductions);

/// The windows of `x` as a tensor of `rows` x `reductions`, loops both, in these orders. Sizes of rows are read off
/// `result`. Where the last reduction is a channel, `x` is transposed first, so that channels are its last dimension.
Value copyWindows(OpBuilder &b, Location loc, Value x, AffineMap inputMap, ArrayRef<unsigned> rows,
                  ArrayRef<unsigned> reductions, ArrayRef<int64_t> extents, Value result, AffineMap resultMap);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_COPIEDWINDOWS_H
