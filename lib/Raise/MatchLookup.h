//===- MatchLookup.h - does this generic read rows of a table? ---*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_MATCHLOOKUP_H
#define FPTQ_LIB_RAISE_MATCHLOOKUP_H

#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::fptq {

/// A `tensor.extract %table[row, channel]` in the body of a generic, whose channel is one loop over all of a row and
/// whose row is the same along that loop.
struct LookupMatch {
  tensor::ExtractOp extract;
  Operation *value = nullptr; ///< the extract, or the extension to f32 that is its only reader
  Value table, row;
  unsigned channelLoop = 0;
  llvm::DenseSet<Operation *> varying; ///< ops of the body that differ along the channels
};

/// A match, or the reason why a row that is looked up cannot be raised; empty where `op` looks up none.
FailureOr<LookupMatch> matchLookup(linalg::GenericOp op, StringRef &reason);
FailureOr<Value> matchLookup(tensor::GatherOp op, StringRef &reason);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_MATCHLOOKUP_H
