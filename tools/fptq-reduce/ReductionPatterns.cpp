//===- ReductionPatterns.cpp - how fptq ops shrink ------------------------===//
//
// A candidate is kept where the test script still finds it interesting and its text is shorter. So a pattern
// may change what the program computes, never whether it is valid, and it must save text: a weight of half
// the size would bring a slice op with it and lose; a splat of full size wins.
//
//===----------------------------------------------------------------------===//
#include "ReductionPatterns.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Reducer/ReductionPatternInterface.h"

using namespace mlir;
using namespace mlir::fptq;

namespace {
/// A linear layer's input in the place of its result, where they have one type.
struct SkipLinear : OpRewritePattern<LinearOp> {
  using Base::Base;
  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    if (op.getX().getType() != op.getResult().getType())
      return rewriter.notifyMatchFailure(op, "input and result differ in type");
    rewriter.replaceOp(op, op.getX());
    return success();
  }
};

/// Without bias and without what the profile said.
struct StripLinear : OpRewritePattern<LinearOp> {
  using Base::Base;
  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    if (!op.getBias() && !op.getRangeAttr() && !op.getChannelAbsmaxAttr())
      return rewriter.notifyMatchFailure(op, "nothing to strip");
    rewriter.modifyOpInPlace(op, [&] {
      op.getBiasMutable().clear();
      op.removeRangeAttr();
      op.removeChannelAbsmaxAttr();
    });
    return success();
  }
};

/// A weight or table of one value, under its own name: recipes and profiles go on matching. A half is exact everywhere.
struct SplatWeight : OpInterfaceRewritePattern<LayerOpInterface> {
  using Base::Base;
  LogicalResult matchAndRewrite(LayerOpInterface op, PatternRewriter &rewriter) const override {
    Value weight = op.getFloatWeight();
    if (!weight || !cast<RankedTensorType>(weight.getType()).hasStaticShape())
      return rewriter.notifyMatchFailure(op, "no float weight of a known size");
    auto type = cast<RankedTensorType>(weight.getType());
    DenseElementsAttr present;
    if (matchPattern(weight, m_Constant(&present)) && present.isSplat())
      return rewriter.notifyMatchFailure(op, "weight is a splat");
    auto splat = DenseElementsAttr::get(type, rewriter.getFloatAttr(type.getElementType(), 0.5));
    auto constant = arith::ConstantOp::create(rewriter, op.getLoc(), splat);
    StringRef name = op.getLayer();
    if (op.getLayerKind() == LayerKind::Lookup)
      name.consume_back(".lookup"); // the table's own name
    constant->setDiscardableAttr(FptqDialect::kNameAttr, rewriter.getStringAttr(name));
    rewriter.modifyOpInPlace(op, [&] { op->replaceUsesOfWith(weight, constant); });
    return success();
  }
};

/// Without what the policy stage decided.
struct StripLookup : OpRewritePattern<LookupOp> {
  using Base::Base;
  LogicalResult matchAndRewrite(LookupOp op, PatternRewriter &rewriter) const override {
    if (!op.getReasonAttr() && !op.getSchemeAttr())
      return rewriter.notifyMatchFailure(op, "nothing to strip");
    rewriter.modifyOpInPlace(op, [&] {
      op.removeReasonAttr();
      op.removeSchemeAttr();
    });
    return success();
  }
};

/// Any destination-style op of ours leaves its destinations as they were.
struct SkipDestinationOp : OpInterfaceRewritePattern<DestinationStyleOpInterface> {
  using Base::Base;
  LogicalResult matchAndRewrite(DestinationStyleOpInterface op, PatternRewriter &rewriter) const override {
    if (!isa<FptqDialect>(op->getDialect()) || op->getNumResults() != op.getDpsInits().size())
      return rewriter.notifyMatchFailure(op, "none of ours on tensors");
    rewriter.replaceOp(op, op.getDpsInits());
    return success();
  }
};

/// A product without its epilogue.
template <typename MatmulOp> struct StripMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern<MatmulOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp op, PatternRewriter &rewriter) const override {
    if (!op.getBias() && !op.getActivation() && !op.getMultiplicand() && !op.getResidual())
      return rewriter.notifyMatchFailure(op, "no epilogue");
    rewriter.modifyOpInPlace(op, [&] {
      op.getBiasMutable().clear();
      op.removeActivationAttr();
      op.getMultiplicandMutable().clear();
      op.getResidualMutable().clear();
    });
    return success();
  }
};

struct SkipScaleChannels : OpRewritePattern<ScaleChannelsOp> {
  using Base::Base;
  LogicalResult matchAndRewrite(ScaleChannelsOp op, PatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, op.getInput());
    return success();
  }
};

struct EraseObserve : OpRewritePattern<ObserveOp> {
  using Base::Base;
  LogicalResult matchAndRewrite(ObserveOp op, PatternRewriter &rewriter) const override {
    rewriter.eraseOp(op);
    return success();
  }
};

struct FptqReductionPatterns : DialectReductionPatternInterface {
  explicit FptqReductionPatterns(Dialect *dialect) : DialectReductionPatternInterface(dialect) {}
  void populateReductionPatterns(RewritePatternSet &patterns) const override {
    patterns.add<SkipLinear, StripLinear, SplatWeight, StripLookup, SkipDestinationOp, StripMatmul<QuantizedMatmulOp>,
                 StripMatmul<PackedMatmulOp>, SkipScaleChannels, EraseObserve>(patterns.getContext());
  }
};
} // namespace

void mlir::fptq::registerReductionPatterns(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *, FptqDialect *dialect) { dialect->addInterfaces<FptqReductionPatterns>(); });
}
