//===- VectorizeLinalg.cpp - tiled linalg ops to vectors ------------------===//
#include "Tiling.h"
#include "Windows.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQVECTORIZELINALGPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqVectorizeLinalgPass : impl::FptqVectorizeLinalgPassBase<FptqVectorizeLinalgPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// A tile with more lanes than this would only spill.
static constexpr int64_t kMaxLanes = 1024;

/// True for elements such as i1: a memref gives each a byte, LLVM's vectors one bit, so that what the one stored the
/// other would misread.
static bool isSubByte(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isIntOrFloat() && element.getIntOrFloatBitWidth() < 8;
}

static bool readsSubBytes(linalg::GenericOp op) {
  return llvm::any_of(op->getOperandTypes(), isSubByte) ||
         llvm::any_of(op.getBody()->getOps<tensor::ExtractOp>(),
                      [](tensor::ExtractOp extract) { return isSubByte(extract.getTensor().getType()); });
}

/// `sizes` of vectors for loops of these `extents`: those that are known are whole. A word where the vector would be
/// too long, or null.
static const char *fitSizes(ArrayRef<int64_t> extents, SmallVectorImpl<int64_t> &sizes) {
  int64_t lanes = 1;
  for (auto [extent, size] : llvm::zip_equal(extents, sizes)) {
    size = ShapedType::isDynamic(extent) ? size : extent;
    lanes = ShapedType::isDynamic(size) ? kMaxLanes + 1 : std::min(kMaxLanes + 1, lanes * size);
  }
  if (lanes <= kMaxLanes)
    return nullptr;
  return ShapedType::isDynamicShape(extents) ? "a size without bound" : "a tile too large for registers";
}

/// Vectorizes one op; on failure a word why.
static const char *vectorizeOp(IRRewriter &rewriter, linalg::LinalgOp op, linalg::LinalgOp &left) {
  SmallVector<int64_t> sizes;
  if (auto noted = op->getAttrOfType<DenseI64ArrayAttr>(kVectorSizesAttr))
    llvm::append_range(sizes, noted.asArrayRef());
  rewriter.setInsertionPoint(op);
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic) {
    auto generalized = linalg::generalizeNamedOp(rewriter, op);
    if (failed(generalized))
      return "no generic form";
    generic = *generalized;
  }
  left = generic;
  if (readsSubBytes(generic))
    return "elements of less than a byte";
  auto reduced = dropUnitLoops(rewriter, generic, sizes);
  if (failed(reduced))
    return "unit dimensions";
  generic = *reduced;
  left = generic;
  SmallVector<int64_t> extents = generic.getStaticLoopRanges();
  if (extents.empty() && !generic.getBody()->getOps<tensor::ExtractOp>().empty())
    return "a single element by its index"; // upstream would gather with a scalar, which does not verify
  if (sizes.size() != extents.size())
    sizes = extents;
  readSteps(rewriter, generic);
  if (const char *reason = fitSizes(extents, sizes))
    return reason;
  bool dynamic = ShapedType::isDynamicShape(extents);
  rewriter.setInsertionPoint(generic);
  SmallVector<bool> scalable(dynamic ? sizes.size() : 0, false);
  auto vectorized = linalg::vectorize(rewriter, generic, dynamic ? ArrayRef<int64_t>(sizes) : ArrayRef<int64_t>(),
                                      scalable, /*vectorizeNDExtract=*/true);
  if (failed(vectorized))
    return "the body is not vectorizable";
  rewriter.replaceOp(generic, vectorized->replacements);
  return nullptr;
}

void FptqVectorizeLinalgPass::runOnOperation() {
  IRRewriter rewriter(&getContext());
  SmallVector<linalg::LinalgOp> ops;
  getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
  for (linalg::LinalgOp op : ops) {
    linalg::LinalgOp left = op;
    if (const char *reason = vectorizeOp(rewriter, op, left))
      left->emitRemark() << "not vectorized, will be loops: " << reason;
  }
  RewritePatternSet patterns(&getContext());
  vector::populateSinkVectorOpsPatterns(patterns);
  vector::TransferReadOp::getCanonicalizationPatterns(patterns, &getContext());
  tensor::populateFoldTensorSubsetIntoVectorTransferPatterns(patterns);
  if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
    signalPassFailure();
}
} // namespace mlir::fptq
