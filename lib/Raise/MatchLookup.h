//===- MatchLookup.h - does this generic read rows of a table? ---*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_MATCHLOOKUP_H
#define FPTQ_LIB_RAISE_MATCHLOOKUP_H

#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SmallBitVector.h"

namespace mlir::fptq {

/// An index that a generic's body computes, and the loops along which it is the same.
struct IndexMatch {
  Value index;
  llvm::SmallBitVector along;
  llvm::DenseSet<Operation *> varying; ///< ops of the body that differ along these loops
};

/// `index` with the loops `along`; fails where it differs along one of them.
FailureOr<IndexMatch> matchIndex(linalg::GenericOp op, Value index, llvm::SmallBitVector along);

/// A `tensor.extract %table[row, channel]` in the body of a generic, whose channel is one loop over all of a row and
/// whose row is the same along that loop.
struct LookupMatch {
  tensor::ExtractOp extract;
  Operation *value = nullptr; ///< the extract, or the extension to f32 that is its only reader
  Value table;
  unsigned channelLoop = 0;
  IndexMatch row;
};

/// True for what is defined in the body of `op`, which nothing before `op` can read.
bool isMadeInside(linalg::GenericOp op, Value value);

/// A match, or the reason why a row that is looked up cannot be raised; empty where `op` looks up none.
FailureOr<LookupMatch> matchLookup(linalg::GenericOp op, StringRef &reason);
FailureOr<Value> matchLookup(tensor::GatherOp op, StringRef &reason);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_MATCHLOOKUP_H
