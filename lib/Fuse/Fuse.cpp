//===- Fuse.cpp - shared activation quantization, fused epilogues ---------===//
#include "fptq/Fuse/Passes.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/CSE.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQFUSEPASS
#include "fptq/Fuse/Passes.h.inc"

namespace {
/// add(matmul(...), other) -> matmul(..., other as bias or residual).
struct AbsorbAdd : OpInterfaceRewritePattern<linalg::LinalgOp> {
  using Base = OpInterfaceRewritePattern<linalg::LinalgOp>;
  using Base::Base;
  LogicalResult matchAndRewrite(linalg::LinalgOp op, PatternRewriter &rewriter) const override;
};

struct FptqFusePass : impl::FptqFusePassBase<FptqFusePass> {
  using Base::Base;
  void runOnOperation() override;
};

/// The two operands of an elementwise f32 add, and whether each is read as it is (not broadcast).
struct ElementwiseAdd {
  OpOperand *left, *right;
};
} // namespace

/// The operand of `op` that a body value stands for: a block argument.
static OpOperand *operandOf(linalg::LinalgOp op, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != op.getBlock())
    return nullptr;
  return op.getMatchingOpOperand(argument);
}

static std::optional<ElementwiseAdd> matchAdd(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics() || op->getNumResults() != 1 || op.getNumReductionLoops() ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() || op.getBlock()->getOperations().size() != 2)
    return std::nullopt;
  auto add = dyn_cast<arith::AddFOp>(op.getBlock()->front());
  if (!add || op.getBlock()->getTerminator()->getOperand(0) != add.getResult())
    return std::nullopt;
  OpOperand *left = operandOf(op, add.getLhs()), *right = operandOf(op, add.getRhs());
  if (!left || !right || left == right)
    return std::nullopt;
  return ElementwiseAdd{left, right};
}

static QuantizedMatmulOp producer(linalg::LinalgOp op, OpOperand *operand) {
  auto matmul = operand->get().getDefiningOp<QuantizedMatmulOp>();
  bool whole = matmul && matmul->hasOneUse() && op.getMatchingIndexingMap(operand).isIdentity();
  return whole ? matmul : QuantizedMatmulOp();
}

LogicalResult AbsorbAdd::matchAndRewrite(linalg::LinalgOp op, PatternRewriter &rewriter) const {
  std::optional<ElementwiseAdd> add = matchAdd(op);
  if (!add)
    return rewriter.notifyMatchFailure(op, "is no elementwise add");
  QuantizedMatmulOp matmul = producer(op, add->left);
  OpOperand *other = add->right;
  if (!matmul) {
    matmul = producer(op, add->right);
    other = add->left;
  }
  if (!matmul || matmul.getResidual())
    return rewriter.notifyMatchFailure(op, "adds to no product, or to one that has a residual");
  AffineMap map = op.getMatchingIndexingMap(other);
  auto type = cast<RankedTensorType>(other->get().getType());
  bool residual = map.isIdentity() && type == op->getResult(0).getType();
  bool bias =
      !matmul.getBias() && map == AffineMap::get(2, 0, {rewriter.getAffineDimExpr(1)}) && type.getElementType().isF32();
  if (!residual && !bias)
    return rewriter.notifyMatchFailure(op, "the other summand is neither a row vector nor of the same shape");
  // The other summand may be computed after the product: the fused op stands where the add stood.
  rewriter.setInsertionPoint(op);
  IRMapping mapping;
  auto fused = cast<QuantizedMatmulOp>(rewriter.clone(*matmul, mapping));
  (residual ? fused.getResidualMutable() : fused.getBiasMutable()).assign(other->get());
  if (residual && other->get().getDefiningOp<tensor::EmptyOp>() == nullptr && op.getDpsInitOperand(0) == other)
    fused.getInitMutable().assign(other->get()); // x += product stays in place
  remark::passed(op.getLoc(), remark::RemarkOpts::name(residual ? "ResidualFused" : "BiasFused").category("Fuse"))
      << remark::metric("layer", fused.getLayer());
  rewriter.replaceOp(op, fused);
  rewriter.eraseOp(matmul);
  return success();
}

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
  patterns.add<AbsorbAdd>(&getContext());
  if (failed(applyPatternsGreedily(root, std::move(patterns))))
    signalPassFailure();
}
} // namespace mlir::fptq
