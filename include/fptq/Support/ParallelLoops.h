//===- ParallelLoops.h - iterator types of elementwise ops -------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_PARALLELLOOPS_H
#define FPTQ_SUPPORT_PARALLELLOOPS_H

#include "mlir/Dialect/Utils/StructuredOpsUtils.h"

namespace mlir::fptq {

/// Iterator types of a linalg op whose `count` loops are all parallel.
inline SmallVector<utils::IteratorType> parallelLoops(size_t count) {
  return SmallVector<utils::IteratorType>(count, utils::IteratorType::parallel);
}

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_PARALLELLOOPS_H
