//===- LowerVectors.cpp - vectors LLVM likes ------------------------------===//
#include "LowerMath.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
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

// One greedy run a step: run together, the patterns undo each other.
void FptqLowerVectorsPass::runOnOperation() {
  using Populate = void (*)(RewritePatternSet &);
  auto run = [&](Populate populate) {
    RewritePatternSet patterns(&getContext());
    populate(patterns);
    return applyPatternsGreedily(getOperation(), std::move(patterns));
  };
  const Populate shapes[] = {
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
      }};
  for (Populate populate : shapes)
    if (failed(run(populate)))
      return signalPassFailure();
  if (failed(lowerMath(getOperation())))
    return signalPassFailure();
  auto leftovers = [](RewritePatternSet &p) { // polynomials broadcast their coefficients
    vector::populateVectorBroadcastLoweringPatterns(p);
    vector::populateVectorShapeCastLoweringPatterns(p);
    vector::populateVectorMaskOpLoweringPatterns(p);
    vector::populateVectorTransposeLoweringPatterns(p, vector::VectorTransposeLowering::Shuffle1D);
  };
  if (failed(run(leftovers)))
    signalPassFailure();
}
} // namespace mlir::fptq
