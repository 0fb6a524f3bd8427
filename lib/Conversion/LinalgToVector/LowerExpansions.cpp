//===- LowerExpansions.cpp - expansions to several dynamic sizes ----------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWEREXPANSIONSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerExpansionsPass : impl::FptqLowerExpansionsPassBase<FptqLowerExpansionsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// A batch of sequences, both dynamic, out of one dimension of tokens.
static bool hasSeveralDynamicSizes(memref::ExpandShapeOp op) {
  return llvm::any_of(op.getReassociationIndices(), [&](const ReassociationIndices &group) {
    return llvm::count_if(group, [&](int64_t d) { return op.getResultType().isDynamicDim(d); }) > 1;
  });
}

static void lower(RewriterBase &b, memref::ExpandShapeOp op) {
  b.setInsertionPoint(op);
  Location loc = op.getLoc();
  auto source = memref::ExtractStridedMetadataOp::create(b, loc, op.getSrc());
  SmallVector<OpFoldResult> sizes = op.getMixedOutputShape(), strides(sizes.size());
  SmallVector<OpFoldResult> from = source.getConstifiedMixedStrides();
  auto [known, offset] = op.getResultType().getStridesAndOffset();
  for (auto [group, stride] : llvm::zip(op.getReassociationIndices(), from)) {
    OpFoldResult next = stride;
    for (int64_t d : llvm::reverse(group)) {
      strides[d] = ShapedType::isStatic(known[d]) ? OpFoldResult(b.getIndexAttr(known[d])) : next;
      next = b.createOrFold<arith::MulIOp>(loc, getValueOrCreateConstantIndexOp(b, loc, strides[d]),
                                           getValueOrCreateConstantIndexOp(b, loc, sizes[d]));
    }
  }
  b.replaceOpWithNewOp<memref::ReinterpretCastOp>(op, op.getResultType(), source.getBaseBuffer(),
                                                  source.getConstifiedMixedOffset(), sizes, strides);
}

void FptqLowerExpansionsPass::runOnOperation() {
  IRRewriter rewriter(&getContext());
  getOperation().walk([&](memref::ExpandShapeOp op) {
    if (hasSeveralDynamicSizes(op))
      lower(rewriter, op);
  });
}
} // namespace mlir::fptq
