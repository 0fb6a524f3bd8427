//===- InputWindows.h - convolutions that are linear layers ------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_INPUTWINDOWS_H
#define FPTQ_LIB_RAISE_INPUTWINDOWS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::fptq {

/// Dimension `dim` of a convolution's input, read at `outer * stride + inner`. Without `inner` the window is one
/// element (the kernel's size is 1); with it windows of the inner loop's extent stand side by side (patches).
struct InputWindow {
  unsigned dim, outer;
  std::optional<unsigned> inner;
  int64_t stride;
};

/// True if an input is read at sums of loops times positive constants: windows with strides and dilations, overlapping
/// or not, of any number.
bool readsWindows(AffineMap inputMap);

/// Takes apart how an input is indexed. Every element of it is in one window at most: fails where windows overlap, have
/// gaps inside, or are side by side in a dynamic number. `extents` are the loops', `resultMap` says which of them are
/// no reductions. Returns the map to the dimensions that `withoutWindows` makes, plain loops only.
FailureOr<AffineMap> matchWindows(AffineMap inputMap, AffineMap resultMap, ArrayRef<int64_t> extents,
                                  SmallVectorImpl<InputWindow> &windows);

/// `x` with the elements that no window reads left out, and windows of several elements as a dimension of their own
/// behind the one that counts them. The number of windows is read off `result`.
Value withoutWindows(OpBuilder &b, Location loc, Value x, ArrayRef<InputWindow> windows, ArrayRef<int64_t> extents,
                     Value result, AffineMap resultMap);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_INPUTWINDOWS_H
