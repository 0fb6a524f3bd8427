//===- LowerVectors.cpp - vectors LLVM likes ------------------------------===//
#include "LowerMath.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/IR/Matchers.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERVECTORSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerVectorsPass : impl::FptqLowerVectorsPassBase<FptqLowerVectorsPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// Upstream's lowering adds an index to the base's first byte, and its vectorizer counts indices in elements of the
/// base's shape: right for a base that is contiguous, wrong numbers for a part of a larger buffer. Those get their
/// indices along the strides, and all of the buffer for a base. Linalg's gathers have no offsets.
struct GatherFromStrided : OpRewritePattern<vector::GatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::GatherOp op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<MemRefType>(op.getBase().getType());
    if (!type || type.areTrailingDimsContiguous(type.getRank()) || !llvm::all_of(op.getOffsets(), matchesZero))
      return failure();
    Location loc = op.getLoc();
    auto base = memref::ExtractStridedMetadataOp::create(rewriter, loc, op.getBase());
    Type indices = op.getIndices().getType(), element = getElementTypeOrSelf(indices);
    auto spread = [&](Value v) {
      if (element != v.getType())
        v = arith::IndexCastOp::create(rewriter, loc, element, v);
      return vector::BroadcastOp::create(rewriter, loc, indices, v);
    };
    Value rest = op.getIndices(), along = arith::ConstantOp::create(rewriter, loc, rewriter.getZeroAttr(indices));
    for (auto [size, stride] : llvm::reverse(llvm::zip(base.getSizes(), base.getStrides()))) {
      Value extent = spread(size), index = arith::RemSIOp::create(rewriter, loc, rest, extent);
      along = arith::AddIOp::create(rewriter, loc, along, arith::MulIOp::create(rewriter, loc, index, spread(stride)));
      rest = arith::DivSIOp::create(rewriter, loc, rest, extent);
    }
    auto layout = StridedLayoutAttr::get(rewriter.getContext(), /*offset=*/ShapedType::kDynamic, {1});
    auto line = MemRefType::get({1}, type.getElementType(), layout, type.getMemorySpace()); // nobody asks for its size
    SmallVector<OpFoldResult> one{rewriter.getIndexAttr(1)};
    Value whole =
        memref::ReinterpretCastOp::create(rewriter, loc, line, base.getBaseBuffer(), base.getOffset(), one, one);
    Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0);
    rewriter.replaceOpWithNewOp<vector::GatherOp>(op, op.getVectorType(), whole, zero, along, op.getMask(),
                                                  op.getPassThru());
    return success();
  }
  static bool matchesZero(Value v) { return matchPattern(v, m_Zero()); }
};

/// A transfer whose vector runs along some dimensions of a buffer, in their order, is one of the view that has only
/// those. Of permutations upstream lowers only the writes with dimensions of 1 behind the vector's, and LLVM's
/// conversion none: the results of a convolution of one column are such.
template <typename OpTy> struct TransferOfView : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto type = dyn_cast<MemRefType>(op.getBase().getType());
    AffineMap map = op.getPermutationMap();
    SmallVector<unsigned> kept;
    if (!type || map.isMinorIdentity() || map.getNumResults() == 0)
      return failure();
    for (AffineExpr expr : map.getResults())
      if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && (kept.empty() || dim.getPosition() > kept.back()))
        kept.push_back(dim.getPosition());
      else
        return failure();
    Location loc = op.getLoc();
    SmallVector<OpFoldResult> offsets, sizes = memref::getMixedSizes(rewriter, loc, op.getBase()),
                                       strides(type.getRank(), rewriter.getIndexAttr(1));
    SmallVector<int64_t> shape;
    SmallVector<Value> indices;
    for (int64_t d = 0; d < type.getRank(); ++d) {
      bool isKept = llvm::is_contained(kept, d);
      offsets.push_back(isKept ? OpFoldResult(rewriter.getIndexAttr(0)) : getAsOpFoldResult(op.getIndices()[d]));
      if (isKept) {
        shape.push_back(type.getDimSize(d));
        indices.push_back(op.getIndices()[d]);
      } else {
        sizes[d] = rewriter.getIndexAttr(1);
      }
    }
    auto view = memref::SubViewOp::inferRankReducedResultType(shape, type, offsets, sizes, strides);
    Value base = memref::SubViewOp::create(rewriter, loc, view, op.getBase(), offsets, sizes, strides);
    rewriter.modifyOpInPlace(op, [&] {
      op.getBaseMutable().assign(base);
      op.getIndicesMutable().assign(indices);
      op.setPermutationMapAttr(AffineMapAttr::get(rewriter.getMultiDimIdentityMap(shape.size())));
    });
    return success();
  }
};

/// One element: LLVM's conversion wants the strides of a vector even there.
struct ReadOfElement : OpRewritePattern<vector::TransferReadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::TransferReadOp op, PatternRewriter &rewriter) const override {
    if (op.getVectorType().getRank() || op.getMask() || !isa<MemRefType>(op.getBase().getType()))
      return failure();
    Value element = memref::LoadOp::create(rewriter, op.getLoc(), op.getBase(), op.getIndices());
    rewriter.replaceOpWithNewOp<vector::BroadcastOp>(op, op.getVectorType(), element);
    return success();
  }
};

struct WriteOfElement : OpRewritePattern<vector::TransferWriteOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::TransferWriteOp op, PatternRewriter &rewriter) const override {
    if (op.getVectorType().getRank() || op.getMask() || !isa<MemRefType>(op.getBase().getType()))
      return failure();
    Value element = vector::ExtractOp::create(rewriter, op.getLoc(), op.getVector());
    rewriter.replaceOpWithNewOp<memref::StoreOp>(op, element, op.getBase(), op.getIndices());
    return success();
  }
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
  auto strided = [](RewritePatternSet &p) {
    p.add<GatherFromStrided, TransferOfView<vector::TransferReadOp>, TransferOfView<vector::TransferWriteOp>,
          ReadOfElement, WriteOfElement>(p.getContext());
  };
  if (failed(run(strided)))
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
