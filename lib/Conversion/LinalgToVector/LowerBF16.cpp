//===- LowerBF16.cpp - bfloat16 as halves of floats -----------------------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERBF16PASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerBF16Pass : impl::FptqLowerBF16PassBase<FptqLowerBF16Pass> {
  using Base::Base;
  void runOnOperation() override;
};

/// math-extend-to-supported-types leaves this one op, which other targets have at low precision.
struct ExtendFma : OpRewritePattern<math::FmaOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::FmaOp op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isBF16())
      return failure();
    Type wide = rewriter.getF32Type();
    if (auto vector = dyn_cast<VectorType>(op.getType()))
      wide = vector.clone(wide);
    auto extended = [&](Value v) -> Value { return arith::ExtFOp::create(rewriter, op.getLoc(), wide, v); };
    Value result =
        math::FmaOp::create(rewriter, op.getLoc(), extended(op.getA()), extended(op.getB()), extended(op.getC()));
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), result);
    return success();
  }
};
} // namespace

void FptqLowerBF16Pass::runOnOperation() {
  MLIRContext *context = &getContext();
  TypeConverter floats;
  arith::populateEmulateUnsupportedFloatsConversions(floats, {BFloat16Type::get(context)}, Float32Type::get(context));
  RewritePatternSet arithmetic(context);
  arith::populateEmulateUnsupportedFloatsPatterns(arithmetic, floats);
  ConversionTarget target(*context);
  arith::populateEmulateUnsupportedFloatsLegality(target, floats);
  if (failed(applyPartialConversion(getOperation(), target, std::move(arithmetic))))
    return signalPassFailure();
  RewritePatternSet conversions(context);
  conversions.add<ExtendFma>(context);
  arith::populateExpandBFloat16Patterns(conversions);
  if (failed(applyPatternsGreedily(getOperation(), std::move(conversions))))
    return signalPassFailure();
}
} // namespace mlir::fptq
