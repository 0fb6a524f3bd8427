//===- LowerVectors.cpp - vectors LLVM likes, math as polynomials ---------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERVECTORSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerVectorsPass : impl::FptqLowerVectorsPassBase<FptqLowerVectorsPass> {
  using Base::Base;
  void runOnOperation() override;
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

// One greedy run a step: run together, the patterns undo each other.
void FptqLowerVectorsPass::runOnOperation() {
  using Populate = void (*)(RewritePatternSet &);
  const Populate steps[] = {
      [](RewritePatternSet &p) { vector::populateVectorMaskLoweringPatternsForSideEffectingOps(p); },
      [](RewritePatternSet &p) {
        vector::populateVectorTransferPermutationMapLoweringPatterns(p);
        vector::populateDropUnitDimWithShapeCastPatterns(p);
        vector::populateVectorTransferDropUnitDimsPatterns(p);
        vector::populateCastAwayVectorLeadingOneDimPatterns(p);
        vector::populateDropInnerMostUnitDimsXferOpPatterns(p);
      },
      [](RewritePatternSet &p) {
        vector::populateVectorMaskOpLoweringPatterns(p);
        vector::populateVectorMultiReductionLoweringPatterns(p, vector::VectorMultiReductionLowering::InnerReduction);
      },
      populateMathAlgebraicSimplificationPatterns, // fpowi by a constant: LLVM has none on vectors
      populatePolynomials,
      [](RewritePatternSet &p) {
        populateUpliftToFMAPatterns(p);
        vector::populateVectorBroadcastLoweringPatterns(p);
        vector::populateVectorShapeCastLoweringPatterns(p);
        vector::populateVectorMaskOpLoweringPatterns(p);
        vector::populateVectorTransposeLoweringPatterns(p, vector::VectorTransposeLowering::Shuffle1D);
      }};
  for (Populate populate : steps) {
    RewritePatternSet patterns(&getContext());
    populate(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
  }
}
} // namespace mlir::fptq
