//===- Epilogues.cpp - elementwise operations into the product ------------===//
#include "Epilogues.h"
#include "MatchActivation.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace mlir::fptq;

namespace {
/// An elementwise operation's operand and how it is read.
struct Operand {
  Value tensor;
  AffineMap map;
  bool isInit;
};

/// A product as an elementwise operation finds it: with rows as they are, or expanded again to more dimensions.
struct Produced {
  QuantizedMatmulOp matmul;
  tensor::ExpandShapeOp expand;

  explicit operator bool() { return bool(matmul); }
  /// `other`, of the expanded shape, in rows.
  Value rows(RewriterBase &rewriter, Value other) {
    if (!expand)
      return other;
    if (auto same = other.getDefiningOp<tensor::ExpandShapeOp>())
      if (same.getReassociation() == expand.getReassociation() && same.getSrcType() == expand.getSrcType())
        return same.getSrc();
    return tensor::CollapseShapeOp::create(rewriter, other.getLoc(), expand.getSrcType(), other,
                                           expand.getReassociation());
  }
  /// A copy of the product in front of `op`, for `set` to give it more of an epilogue; its result replaces `op`. The
  /// other operands may be computed after the product.
  void fuseInto(PatternRewriter &rewriter, Operation *op, StringRef remarkName,
                llvm::function_ref<void(QuantizedMatmulOp)> set) {
    rewriter.setInsertionPoint(op);
    auto fused = cast<QuantizedMatmulOp>(rewriter.clone(*matmul));
    set(fused);
    remark::passed(op->getLoc(), remark::RemarkOpts::name(remarkName).category("Fuse"))
        << remark::metric("layer", fused.getLayer());
    Value result = fused.getResult();
    if (expand) {
      IRMapping mapping;
      mapping.map(expand.getSrc(), result);
      result = rewriter.clone(*expand, mapping)->getResult(0);
    }
    rewriter.replaceOp(op, result);
  }
};

/// Patterns on elementwise operations of any dialect.
struct AbsorbPattern : RewritePattern {
  AbsorbPattern(MLIRContext *context, PatternBenefit benefit) : RewritePattern(MatchAnyOpTypeTag(), benefit, context) {}
};

/// matmul + other -> matmul with it as bias or residual.
struct AbsorbAdd : AbsorbPattern {
  using AbsorbPattern::AbsorbPattern;
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override;
};

/// matmul * other -> matmul with a multiplicand.
struct AbsorbMultiplicand : AbsorbPattern {
  using AbsorbPattern::AbsorbPattern;
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override;
};

/// activation(matmul), activation(matmul) * other -> matmul with an activation, and a multiplicand.
struct AbsorbActivation : AbsorbPattern {
  using AbsorbPattern::AbsorbPattern;
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override;
};
} // namespace

/// `op` as one OpTy of two operands.
template <typename OpTy> static std::optional<std::pair<Operand, Operand>> matchBinary(Operation *op) {
  if (!isElementwise(op))
    return std::nullopt;
  auto linalg = dyn_cast<linalg::LinalgOp>(op);
  if (!linalg) {
    int64_t rank = cast<RankedTensorType>(op->getResult(0).getType()).getRank();
    AffineMap identity = AffineMap::getMultiDimIdentityMap(rank, op->getContext());
    auto binary = dyn_cast<OpTy>(op);
    if (!binary || binary.getLhs() == binary.getRhs())
      return std::nullopt;
    return std::pair(Operand{binary.getLhs(), identity, false}, Operand{binary.getRhs(), identity, false});
  }
  auto binary = dyn_cast<OpTy>(linalg.getBlock()->front());
  if (!binary || linalg.getBlock()->getOperations().size() != 2 ||
      linalg.getBlock()->getTerminator()->getOperand(0) != binary.getResult())
    return std::nullopt;
  auto operandOf = [&](Value v) -> std::optional<Operand> {
    auto argument = dyn_cast<BlockArgument>(v);
    if (!argument || argument.getOwner() != linalg.getBlock())
      return std::nullopt;
    OpOperand *operand = linalg.getMatchingOpOperand(argument);
    return Operand{operand->get(), linalg.getMatchingIndexingMap(operand), linalg.isDpsInit(operand)};
  };
  std::optional<Operand> left = operandOf(binary.getLhs()), right = operandOf(binary.getRhs());
  if (!left || !right || left->tensor == right->tensor)
    return std::nullopt;
  return std::pair(*left, *right);
}

/// Whether what `block` computes may be computed where `reader` is: there or in branches of it, which run once at most,
/// but in no loop.
static bool mayMoveTo(Operation *reader, Block *block) {
  while (reader->getBlock() != block) {
    reader = reader->getParentOp();
    if (!isa_and_nonnull<scf::IfOp, scf::IndexSwitchOp>(reader))
      return false;
  }
  return true;
}

/// The product that `v` is, with whose result nothing is done but what `reader` does.
static Produced productOf(Value v, Operation *reader) {
  auto expand = v.getDefiningOp<tensor::ExpandShapeOp>();
  auto matmul = (expand ? expand.getSrc() : v).getDefiningOp<QuantizedMatmulOp>();
  bool channelsStay = !expand || expand.getReassociationIndices().back().size() == 1;
  if (!matmul || !mayMoveTo(reader, matmul->getBlock()) || !channelsStay || (expand && !matmul->hasOneUse()))
    return {};
  return {matmul, expand};
}

/// The product that `operand` of `op` is.
static Produced productOf(const Operand &operand, Operation *op) {
  bool whole = operand.map.isIdentity() && operand.tensor.getType() == op->getResult(0).getType();
  return whole && operand.tensor.hasOneUse() ? productOf(operand.tensor, op) : Produced();
}

LogicalResult AbsorbAdd::matchAndRewrite(Operation *op, PatternRewriter &rewriter) const {
  auto add = matchBinary<arith::AddFOp>(op);
  if (!add)
    return rewriter.notifyMatchFailure(op, "is no elementwise add");
  auto [left, right] = *add;
  Produced product = productOf(left, op);
  Operand other = right;
  if (!product)
    product = productOf(right, op), other = left;
  if (!product || product.matmul.getResidual())
    return rewriter.notifyMatchFailure(op, "adds to no product, or to one that has a residual");
  auto type = cast<RankedTensorType>(other.tensor.getType());
  bool residual = other.map.isIdentity() && type == op->getResult(0).getType();
  AffineExpr column = rewriter.getAffineDimExpr(other.map.getNumDims() - 1);
  bool first = !product.matmul.getBias() && !product.matmul.getActivation() && !product.matmul.getMultiplicand();
  bool bias = first && other.map.getNumResults() == 1 && other.map.getResult(0) == column && type.getRank() == 1 &&
              type.getElementType().isF32();
  if (!residual && !bias)
    return rewriter.notifyMatchFailure(op, "the other summand is neither a row vector nor of the same shape");
  rewriter.setInsertionPoint(op);
  Value summand = residual ? product.rows(rewriter, other.tensor) : other.tensor;
  product.fuseInto(rewriter, op, residual ? "ResidualFused" : "BiasFused", [&](QuantizedMatmulOp fused) {
    (residual ? fused.getResidualMutable() : fused.getBiasMutable()).assign(summand);
    if (residual && other.isInit && !summand.getDefiningOp<tensor::EmptyOp>())
      fused.getInitMutable().assign(summand); // x += product stays in place
  });
  return success();
}

/// Gives a product its multiplicand. If that is a product too, which nobody else reads, the result takes its place.
static auto multiplyBy(Value multiplicand) {
  bool inPlace = multiplicand && multiplicand.getDefiningOp<QuantizedMatmulOp>() && multiplicand.hasOneUse();
  return [=](QuantizedMatmulOp fused) {
    if (multiplicand)
      fused.getMultiplicandMutable().assign(multiplicand);
    if (inPlace)
      fused.getInitMutable().assign(multiplicand);
  };
}

LogicalResult AbsorbMultiplicand::matchAndRewrite(Operation *op, PatternRewriter &rewriter) const {
  auto mul = matchBinary<arith::MulFOp>(op);
  if (!mul)
    return rewriter.notifyMatchFailure(op, "is no elementwise product");
  // The one that is activated already: its epilogue has the values in a second pass anyway.
  auto takes = [&](Operand &factor, Operand &other) {
    Produced product = productOf(factor, op);
    bool free = product && !product.matmul.getMultiplicand() && !product.matmul.getResidual();
    bool whole = other.map.isIdentity() && other.tensor.getType() == op->getResult(0).getType();
    return free && whole && !matchPattern(other.tensor, m_Constant()) ? product : Produced();
  };
  auto [left, right] = *mul;
  Produced product = takes(left, right), second = takes(right, left);
  Value other = right.tensor;
  if (!product || (second && second.matmul.getActivation()))
    product = second, other = left.tensor;
  if (!product)
    return rewriter.notifyMatchFailure(op, "multiplies no product that ends with its activation");
  rewriter.setInsertionPoint(op);
  product.fuseInto(rewriter, op, "MultiplicandFused", multiplyBy(product.rows(rewriter, other)));
  return success();
}

LogicalResult AbsorbActivation::matchAndRewrite(Operation *op, PatternRewriter &rewriter) const {
  std::optional<ActivatedProduct> match = matchActivation(op);
  if (!match)
    return rewriter.notifyMatchFailure(op, "is no activation of one tensor");
  Produced product = productOf(match->x, op);
  if (!product)
    return rewriter.notifyMatchFailure(op, "activates no product");
  QuantizedMatmulOp matmul = product.matmul;
  if (matmul.getActivation() || matmul.getMultiplicand() || matmul.getResidual())
    return rewriter.notifyMatchFailure(op, "the product does not end with its bias");
  rewriter.setInsertionPoint(op);
  auto multiply = multiplyBy(match->multiplicand ? product.rows(rewriter, match->multiplicand) : Value());
  product.fuseInto(rewriter, op, "ActivationFused", [&](QuantizedMatmulOp fused) {
    fused.setActivation(match->function);
    multiply(fused);
  });
  return success();
}

void mlir::fptq::populateEpiloguePatterns(RewritePatternSet &patterns) {
  patterns.add<AbsorbAdd, AbsorbMultiplicand>(patterns.getContext(), /*benefit=*/1);
  patterns.add<AbsorbActivation>(patterns.getContext(), /*benefit=*/2); // all of a gated unit, before its product alone
}
