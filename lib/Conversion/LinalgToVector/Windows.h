//===- Windows.h - reductions along several loops ---------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_LINALGTOVECTOR_WINDOWS_H
#define FPTQ_LIB_CONVERSION_LINALGTOVECTOR_WINDOWS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::fptq {

/// Whether `op` reduces along several loops, or along a window that moves over an input: convolutions, depthwise and
/// grouped ones among them, and pooling.
bool isWindow(linalg::LinalgOp op);

/// The loops that the tile of a window's result has.
struct WindowShape {
  int columns = -1; ///< vectors run along it: an input is read along it in its last dimension or not at all
  int rows = -1;    ///< several of these at a time, or -1: in each input a dimension of its own, in steps of 1
};

/// The shape of `op`, a window; without columns where vectors cannot run along the result.
WindowShape analyzeWindow(linalg::LinalgOp op);

/// `op` with the loops of its result in the order of the result's dimensions, and then its reductions: upstream's
/// convolutions have channels last also where memory has them first, and vectors have the order of the loops.
linalg::LinalgOp orderByResult(RewriterBase &rewriter, linalg::LinalgOp op);

/// Makes inputs of `op`, one loop that reads them in steps, inputs read one by one: vectors of all elements in between,
/// of which some are kept. Strides of up to 4 and known sizes; others stay.
void readSteps(RewriterBase &rewriter, linalg::GenericOp op);

} // namespace mlir::fptq

#endif // FPTQ_LIB_CONVERSION_LINALGTOVECTOR_WINDOWS_H
