//===- FlattenAllocaScope.cpp - undo scopes of convert-scf-to-openmp ------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQFLATTENALLOCASCOPEPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqFlattenAllocaScopePass : impl::FptqFlattenAllocaScopePassBase<FptqFlattenAllocaScopePass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

static void inlineScope(memref::AllocaScopeOp scope) {
  Block &body = scope.getBodyRegion().front();
  body.getTerminator()->erase();
  scope->getBlock()->getOperations().splice(scope->getIterator(), body.getOperations());
  scope.erase();
}

/// A static alloca inside a loop would grow the stack in each iteration.
static void moveToRegionEntry(memref::AllocaOp alloca) {
  if (alloca->getNumOperands())
    return;
  Operation *parent = alloca->getParentOp();
  while (!isa<func::FuncOp>(parent) && parent->getName().getStringRef() != "omp.parallel")
    parent = parent->getParentOp();
  Block &entry = parent->getRegion(0).front();
  if (alloca->getBlock() != &entry)
    alloca->moveBefore(&entry, entry.begin());
}

/// Pieces of attention differ in length, and threads in who else uses their core.
static void scheduleDynamically(omp::WsloopOp loop) {
  if (!loop.getScheduleKind())
    loop.setScheduleKind(omp::ClauseScheduleKind::Dynamic);
}

void FptqFlattenAllocaScopePass::runOnOperation() {
  SmallVector<memref::AllocaScopeOp> scopes;
  getOperation().walk([&](memref::AllocaScopeOp scope) { scopes.push_back(scope); });
  for (memref::AllocaScopeOp scope : scopes)
    if (scope->getNumResults() == 0 && scope.getBodyRegion().hasOneBlock())
      inlineScope(scope);
  getOperation().walk(moveToRegionEntry);
  getOperation().walk(scheduleDynamically);
}
} // namespace mlir::fptq
