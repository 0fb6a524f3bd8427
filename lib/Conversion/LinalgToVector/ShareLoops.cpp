//===- ShareLoops.cpp - parallel loops to teams of threads ----------------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/Support/Team.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQSHARELOOPSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqShareLoopsPass : impl::FptqShareLoopsPassBase<FptqShareLoopsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// A static alloca inside a loop would grow the thread's stack in each iteration.
static void moveAllocas(omp::ParallelOp team) {
  Block &entry = team.getRegion().front();
  team.walk([&](Operation *op) {
    if (isa<memref::AllocaOp>(op) && !op->getNumOperands())
      op->moveBefore(&entry, entry.begin());
    auto bytes = isa<LLVM::AllocaOp>(op) ? op->getOperand(0).getDefiningOp<arith::ConstantOp>() : arith::ConstantOp();
    if (!bytes)
      return;
    op->moveBefore(&entry, entry.begin());
    op->setOperand(0, OpBuilder(op).clone(*bytes)->getResult(0));
  });
}

static void share(scf::ParallelOp loop) {
  ImplicitLocOpBuilder b(loop.getLoc(), loop);
  SmallVector<Value> trips;
  Value total = arith::ConstantIndexOp::create(b, 1);
  for (auto [low, high, step] : llvm::zip(loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    Value length = arith::SubIOp::create(b, high, low);
    trips.push_back(arith::CeilDivSIOp::create(b, length, step));
    total = arith::MulIOp::create(b, total, trips.back());
  }
  Value count = arith::IndexCastOp::create(b, b.getI64Type(), total);
  Value one = arith::ConstantOp::create(b, b.getI64IntegerAttr(1));
  omp::ParallelOp team = buildTeam(b, count, one, [&](Value first, Value last) {
    auto piece = scf::ForOp::create(b, first, last, one);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(piece.getBody());
    // The last variable runs fastest.
    Value rest = arith::IndexCastOp::create(b, b.getIndexType(), piece.getInductionVar());
    IRMapping mapping;
    for (int d = loop.getNumLoops() - 1; d >= 0; --d) {
      Value at = d ? arith::RemUIOp::create(b, rest, trips[d]).getResult() : rest;
      Value offset = arith::MulIOp::create(b, at, loop.getStep()[d]);
      mapping.map(loop.getInductionVars()[d], arith::AddIOp::create(b, loop.getLowerBound()[d], offset));
      if (d)
        rest = arith::DivUIOp::create(b, rest, trips[d]);
    }
    for (Operation &op : loop.getBody()->without_terminator())
      b.clone(op, mapping);
  });
  loop.erase();
  moveAllocas(team);
}

void FptqShareLoopsPass::runOnOperation() {
  SmallVector<scf::ParallelOp> loops;
  getOperation().walk<WalkOrder::PreOrder>([&](scf::ParallelOp loop) {
    loops.push_back(loop);
    return WalkResult::skip(); // a loop inside another is its thread's own
  });
  for (scf::ParallelOp loop : loops)
    if (loop.getInitVals().empty() && loop->getParentOfType<FunctionOpInterface>())
      share(loop);
}
} // namespace mlir::fptq
