//===- LowerTMTensor.h - tm_tensor to loops over tensors ---------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_LOWERTMTENSOR_H
#define FPTQ_LIB_RAISE_LOWERTMTENSOR_H

#include "TensorLoops.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::fptq {

/// scan, sort, topk and scatter as scf loops of scalars: what they compute is serial along a dimension, and beside
/// the layers of a model it is little.
void populateLowerTMTensorPatterns(RewritePatternSet &patterns);

/// Sorts each line of `tensors` along `dimension`, all by the same order; `stays(elements)` gets a pair of each tensor,
/// the one in front first, and says whether they are in order. A merge sort: stable, n log n.
SmallVector<Value> sortLines(TensorLoops at, ValueRange tensors, int64_t dimension,
                             function_ref<Value(TensorLoops at, ValueRange elements)> stays);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_LOWERTMTENSOR_H
