//===- Fuse.cpp - shared activation quantization, fused epilogues ---------===//
#include "Epilogues.h"
#include "fptq/Fuse/Passes.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQFUSEPASS
#include "fptq/Fuse/Passes.h.inc"

namespace {
struct FptqFusePass : impl::FptqFusePassBase<FptqFusePass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// How many quantize steps there are, to say how many were shared.
static int64_t countQuantizeSteps(Operation *root) {
  int64_t count = 0;
  root->walk([&](QuantizeActivationsOp) { ++count; });
  return count;
}

void FptqFusePass::runOnOperation() {
  Operation *root = getOperation();
  int64_t before = countQuantizeSteps(root);
  IRRewriter rewriter(&getContext());
  DominanceInfo dominance(root);
  // Destination-style ops on tensors have no effects: upstream's CSE merges equal ones.
  eliminateCommonSubExpressions(rewriter, dominance, root);
  int64_t after = countQuantizeSteps(root);
  remark::passed(root->getLoc(), remark::RemarkOpts::name("QuantizeStepsShared").category("Fuse"))
      << remark::metric("before", before) << remark::metric("after", after);
  RewritePatternSet patterns(&getContext());
  populateEpiloguePatterns(patterns);
  if (failed(applyPatternsGreedily(root, std::move(patterns))))
    signalPassFailure();
}
} // namespace mlir::fptq
