//===- RowProducers.h - what is computed for one quantize step --*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_LINALGTOVECTOR_ROWPRODUCERS_H
#define FPTQ_LIB_CONVERSION_LINALGTOVECTOR_ROWPRODUCERS_H

#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::fptq {

/// `op` and the elementwise ops and row reductions whose results nobody but it, or they, read: row by row nothing of
/// it is computed twice. `op` comes first.
llvm::SmallSetVector<Operation *, 8> madeFor(QuantizeActivationsOp op);

} // namespace mlir::fptq

#endif // FPTQ_LIB_CONVERSION_LINALGTOVECTOR_ROWPRODUCERS_H
