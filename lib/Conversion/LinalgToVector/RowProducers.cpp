//===- RowProducers.cpp - what is computed for one quantize step ----------===//
#include "RowProducers.h"
#include "Tiling.h"

namespace mlir::fptq {

/// An elementwise op or a row reduction.
static bool isRowwise(linalg::GenericOp op) {
  return op && op.hasPureTensorSemantics() && op->getNumResults() == 1 && op.getNumReductionLoops() <= 1 &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isProjectedPermutation() && readsForwards(op) &&
         llvm::all_of(op.getBlock()->without_terminator(),
                      [](Operation &body) { return !body.getNumRegions() && isMemoryEffectFree(&body); });
}

llvm::SmallSetVector<Operation *, 8> madeFor(QuantizeActivationsOp op) {
  llvm::SmallSetVector<Operation *, 8> made;
  made.insert(op);
  for (bool grown = true; grown;) {
    grown = false;
    for (Operation *reader : SmallVector<Operation *>(made.begin(), made.end()))
      for (Value operand : reader->getOperands()) {
        auto producer = operand.getDefiningOp<linalg::GenericOp>();
        if (producer && producer->getBlock() == op->getBlock() && isRowwise(producer) &&
            llvm::all_of(producer->getUsers(),
                         [&](Operation *user) { return isa<tensor::DimOp>(user) || made.contains(user); }))
          grown |= made.insert(producer);
      }
  }
  return made;
}
} // namespace mlir::fptq
