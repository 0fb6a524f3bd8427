//===- SeparateResults.cpp - an allocation for every result ---------------===//
#include "BufferCopy.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/SetOperations.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQSEPARATERESULTSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
using Buffers = llvm::SmallDenseSet<Value, 2>;

struct FptqSeparateResultsPass : impl::FptqSeparateResultsPassBase<FptqSeparateResultsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// What a loop carries, in one place or another, or what the blocks before this one hand on.
static void pushSources(BlockArgument argument, SmallVectorImpl<Value> &sources) {
  Block *block = argument.getOwner();
  if (isa<RegionBranchOpInterface>(block->getParentOp()))
    return llvm::append_range(sources, block->getParentOp()->getOperands());
  for (auto from = block->pred_begin(); from != block->pred_end(); ++from)
    if (auto branch = dyn_cast<BranchOpInterface>((*from)->getTerminator()))
      if (Value value = branch.getSuccessorOperands(from.getSuccessorIndex())[argument.getArgNumber()])
        sources.push_back(value);
}

/// What `value` may be, one step back; nothing where it is a buffer of its own. Upstream's BufferOriginAnalysis knows
/// nothing of calls: to it all results of a layer that was outlined may be one buffer, and each would be copied.
static void pushSources(Value value, SmallVectorImpl<Value> &sources) {
  auto result = dyn_cast<OpResult>(value);
  if (!result)
    return pushSources(cast<BlockArgument>(value), sources);
  if (auto view = dyn_cast<ViewLikeOpInterface>(result.getOwner()))
    sources.push_back(view.getViewSource());
  else if (auto select = dyn_cast<arith::SelectOp>(result.getOwner()))
    sources.append({select.getTrueValue(), select.getFalseValue()});
  else if (auto branch = dyn_cast<RegionBranchOpInterface>(result.getOwner()))
    branch.getPredecessorValues(RegionSuccessor(branch, branch->getResults()), result.getResultNumber(), sources);
}

static Buffers buffersOf(Value value) {
  Buffers seen, buffers;
  SmallVector<Value> pending = {value};
  while (!pending.empty()) {
    Value next = pending.pop_back_val();
    if (!isa<MemRefType>(next.getType()) || !seen.insert(next).second)
      continue;
    size_t before = pending.size();
    pushSources(next, pending);
    if (pending.size() == before)
      buffers.insert(next);
  }
  return buffers;
}

/// Copies each result of `terminator` that may be the buffer of one before it.
static void separate(Operation *terminator) {
  Buffers taken;
  for (OpOperand &result : terminator->getOpOperands()) {
    if (!isa<MemRefType>(result.get().getType()))
      continue;
    Buffers buffers = buffersOf(result.get());
    if (llvm::set_intersects(taken, buffers))
      result.set(copyOf(result.get(), cast<MemRefType>(result.get().getType()), terminator));
    llvm::set_union(taken, buffers);
  }
}

void FptqSeparateResultsPass::runOnOperation() {
  for (Block &block : getOperation().getBody())
    if (isa<func::ReturnOp>(block.getTerminator()))
      separate(block.getTerminator());
}
} // namespace mlir::fptq
