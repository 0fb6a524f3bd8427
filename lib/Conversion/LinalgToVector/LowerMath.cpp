//===- LowerMath.cpp - one arithmetic for every target --------------------===//
#include "LowerMath.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERMATHPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerMathPass : impl::FptqLowerMathPassBase<FptqLowerMathPass> {
  using Base::Base;
  void runOnOperation() override {
    if (failed(lowerMath(getOperation())))
      signalPassFailure();
  }
};

/// a * b - c and c - a * b, which the upstream patterns leave to LLVM.
struct FuseSubtraction : OpRewritePattern<arith::SubFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::SubFOp op, PatternRewriter &rewriter) const override {
    auto contracts = [](auto op) { return bitEnumContainsAll(op.getFastmath(), arith::FastMathFlags::contract); };
    if (!contracts(op))
      return failure();
    for (bool left : {true, false}) {
      auto product = (left ? op.getLhs() : op.getRhs()).getDefiningOp<arith::MulFOp>();
      if (!product || !contracts(product))
        continue;
      Value a = product.getLhs(), c = left ? op.getRhs() : op.getLhs();
      Value &negated = left ? c : a;
      negated = arith::NegFOp::create(rewriter, op.getLoc(), negated);
      rewriter.replaceOpWithNewOp<math::FmaOp>(op, a, product.getRhs(), c);
      return success();
    }
    return failure();
  }
};
} // namespace

/// Functions with polynomials that are good everywhere (measured in ulp against double); sin and cos are not.
static void populatePolynomials(RewritePatternSet &patterns) {
  populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
    return llvm::is_contained({math::ExpOp::getOperationName(), math::TanhOp::getOperationName(),
                               math::ErfOp::getOperationName(), math::LogOp::getOperationName()},
                              name);
  });
}

static void populateFma(RewritePatternSet &patterns) {
  populateUpliftToFMAPatterns(patterns);
  patterns.add<FuseSubtraction>(patterns.getContext());
}

LogicalResult lowerMath(Operation *root) {
  using Populate = void (*)(RewritePatternSet &);
  // Powers first: a square that is added up becomes an fma.
  const Populate steps[] = {populateExpandPowersPatterns, populateMathAlgebraicSimplificationPatterns,
                            populatePolynomials, populateFma};
  for (Populate populate : steps) {
    RewritePatternSet patterns(root->getContext());
    populate(patterns);
    if (failed(applyPatternsGreedily(root, std::move(patterns))))
      return root->emitError("the patterns that lower its math do not converge");
  }
  // What is no fma now is two roundings everywhere: which other pairs LLVM would find differs between targets.
  root->walk([](arith::ArithFastMathInterface op) {
    if (arith::FastMathFlagsAttr present = op.getFastMathFlagsAttr()) {
      auto flags = bitEnumClear(present.getValue(), arith::FastMathFlags::contract);
      op->setAttr(op.getFastMathAttrName(), arith::FastMathFlagsAttr::get(op->getContext(), flags));
    }
  });
  return success();
}
} // namespace mlir::fptq
