//===- OutlineBranches.cpp - branches of a switch become functions --------===//
#include "Outlining.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

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

/// Cuts what the branch reads of a slice in the branch: a function takes tensors that lie together, so that a slice,
/// the rows of an expert, would be copied for each call, by code for each call.
static void sliceInside(Block &block) {
  DenseMap<Operation *, Value> slices;
  OpBuilder b = OpBuilder::atBlockBegin(&block);
  block.walk([&](Operation *op) {
    for (OpOperand &operand : op->getOpOperands()) {
      auto slice = operand.get().getDefiningOp<tensor::ExtractSliceOp>();
      if (!slice || block.findAncestorOpInBlock(*slice))
        continue;
      Value &inside = slices[slice];
      if (!inside)
        inside = b.clone(*slice)->getResult(0);
      operand.set(inside);
    }
  });
}

/// An observer keeps its layer's name, and would keep functions apart by it: it stays in the branch.
static void outlineBranch(Block &block, func::FuncOp parent, SymbolTable &symbols) {
  sliceInside(block);
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
