//===- Outlining.h - neighbouring ops as a function --------------*- C++ -*-===//
#ifndef FPTQ_LIB_LINALGTOVECTOR_OUTLINING_H
#define FPTQ_LIB_LINALGTOVECTOR_OUTLINING_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::fptq {

/// Ops that every piece gets a copy of: scalars and splats, empty tensors, and what those are filled with.
bool isCopied(Operation *op);

/// Gives each reader its own copy of such ops, so that none of them ties two pieces together.
void copyForEachReader(Block &block);

/// Values that `ops`, of one block, define and others read.
SmallVector<Value> readLater(ArrayRef<Operation *> ops);

/// Moves `ops`, neighbours in a block of `parent`, into a private function and calls it. What they read, weights
/// included, is its arguments, but for copied ops of their block, which each have one reader and go with it.
void outline(ArrayRef<Operation *> ops, func::FuncOp parent, SymbolTable &symbols);

} // namespace mlir::fptq

#endif // FPTQ_LIB_LINALGTOVECTOR_OUTLINING_H
