//===- MatchLinear.h - is this contraction a linear layer? -------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_MATCHLINEAR_H
#define FPTQ_LIB_RAISE_MATCHLINEAR_H

#include "InputWindows.h"

namespace mlir::fptq {

/// y[m.., n..] += x[m.., k..] * w[n.., k..], each in its own order of dimensions.
struct LinearMatch {
  Value x, weight; ///< after looking through casts and, for the weight, transpositions and broadcasts
  AffineMap xMap, weightMap, resultMap; ///< loops to dimensions; the weight's may hold constants (unit dimensions)
  SmallVector<InputWindow> windows;     ///< of x, to be taken away first: xMap leads to what is left then
  bool overlap = false;                 ///< x is read in windows that are copied instead: xMap is the op's own
  SmallVector<int64_t> extents;         ///< of the loops
  SmallVector<unsigned> rows, columns, reductions; ///< loops, rows and columns in the result's order
};

/// Why an op is no linear.
struct NoLinear {
  StringRef reason;     ///< empty where it is no contraction at all
  bool isLayer = false; ///< its author would call it a layer all the same
  Value weight;         ///< of that layer
};

FailureOr<LinearMatch> matchLinear(linalg::LinalgOp op, NoLinear &why);

/// The yielded value is out + a * b, possibly with the factors extended first.
bool isMultiplyAccumulate(linalg::LinalgOp op);

/// The value below a broadcast or transposition that only moves elements, and the map from its
/// result's dimensions to the source's; null where `value` is none.
Value lookThroughMove(Value value, AffineMap &map);

/// The value below an exact extension to a wider float type, or `value` itself.
Value lookThroughExtension(Value value);

/// Looks through everything that only moves or extends a weight; `map`, which leads to its dimensions, follows.
Value peelWeight(Value weight, AffineMap &map);

/// True if one of two factors, read by `map`, is another one for each part of a batch: along a loop that the other
/// factor and the result have, too.
bool differsAlongBatch(linalg::LinalgOp op, OpOperand *factor, AffineMap map);

/// Codes and scales are what a constant chain begins with, whatever shape it brings them to.
bool cameAsCodes(Value weight);

/// A scalar or a tensor of rank 0, which a fill or a broadcast spreads: no layer's weight.
bool isOneNumber(Value value);

/// True if every loop that `op` sums over has one iteration: K = 1.
bool hasOneInputChannel(linalg::LinalgOp op);

/// The dimension of a map's operand that runs along `loop`, if one does.
std::optional<unsigned> dimOf(AffineMap map, unsigned loop);

/// Of f32, f16 or bf16, which linears are made of.
bool isFloatTensor(Value value);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_MATCHLINEAR_H
