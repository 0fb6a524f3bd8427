//===- BufferCopy.h - a buffer of its own for a value ------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_LINALGTOVECTOR_BUFFERCOPY_H
#define FPTQ_LIB_CONVERSION_LINALGTOVECTOR_BUFFERCOPY_H

#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::fptq {

/// Allocates a buffer of `type`, of the sizes of `buffer`, before `before`, and copies into it.
Value copyOf(Value buffer, MemRefType type, Operation *before);

} // namespace mlir::fptq

#endif // FPTQ_LIB_CONVERSION_LINALGTOVECTOR_BUFFERCOPY_H
