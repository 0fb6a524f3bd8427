//===- PassOptions.h - options that count something --------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_LINALGTOVECTOR_PASSOPTIONS_H
#define FPTQ_LIB_CONVERSION_LINALGTOVECTOR_PASSOPTIONS_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Operation.h"

namespace mlir::fptq {

/// Whether an option of the pass called `pass` is 1 or more; an error at `op` if not.
inline LogicalResult checkOption(Operation *op, StringRef pass, StringRef option, int64_t value) {
  if (value >= 1)
    return success();
  return op->emitError() << pass << ": " << option << " " << value << ", expected 1 or more";
}

} // namespace mlir::fptq

#endif // FPTQ_LIB_CONVERSION_LINALGTOVECTOR_PASSOPTIONS_H
