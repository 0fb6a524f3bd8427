//===- OutlineBranches.cpp - branches of a switch become functions --------===//
#include "Outlining.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQOUTLINEBRANCHESPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqOutlineBranchesPass : impl::FptqOutlineBranchesPassBase<FptqOutlineBranchesPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// Brings copied ops from around `block` into it, one for each reader.
static void copyInto(Block &block) {
  SmallVector<OpOperand *> open;
  block.walk([&](Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      open.push_back(&operand);
  });
  while (!open.empty()) {
    OpOperand *use = open.pop_back_val();
    Operation *source = use->get().getDefiningOp();
    if (!source || !isCopied(source) || block.findAncestorOpInBlock(*source))
      continue;
    Operation *copy = OpBuilder(block.findAncestorOpInBlock(*use->getOwner())).clone(*source);
    use->set(copy->getResult(0));
    for (OpOperand &operand : copy->getOpOperands())
      open.push_back(&operand);
  }
}

/// An observer keeps its layer's name, and would keep functions apart by it: it stays in the branch.
static void outlineBranch(Block &block, func::FuncOp parent, SymbolTable &symbols) {
  copyInto(block);
  copyForEachReader(block);
  SmallVector<Operation *> ops;
  for (Operation &op : block.without_terminator()) {
    if (isa<ObserveOp>(op))
      ops.clear();
    else if (!isCopied(&op) && !op.hasTrait<OpTrait::ConstantLike>())
      ops.push_back(&op);
  }
  if (!ops.empty())
    outline(ops, parent, symbols);
}

void FptqOutlineBranchesPass::runOnOperation() {
  SymbolTable symbols(getOperation());
  for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
    SmallVector<scf::IndexSwitchOp> switches;
    function.walk([&](scf::IndexSwitchOp op) { switches.push_back(op); });
    for (scf::IndexSwitchOp op : switches)
      for (Region &region : op->getRegions())
        if (region.hasOneBlock())
          outlineBranch(region.front(), function, symbols);
  }
}
} // namespace mlir::fptq
