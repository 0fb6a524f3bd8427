//===- FloatLookup.h - fptq.lookup as linalg --------------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_FLOATLOOKUP_H
#define FPTQ_SUPPORT_FLOATLOOKUP_H

#include "fptq/IR/Fptq.h"

namespace mlir::fptq {

/// Replaces `op` by a `linalg.generic` that reads its rows from the float table.
void lowerFloatLookup(LookupOp op);

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_FLOATLOOKUP_H
