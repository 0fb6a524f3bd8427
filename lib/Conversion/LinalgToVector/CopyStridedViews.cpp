//===- CopyStridedViews.cpp - what is said to be contiguous, is -----------===//
#include "BufferCopy.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQCOPYSTRIDEDVIEWSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqCopyStridedViewsPass : impl::FptqCopyStridedViewsPassBase<FptqCopyStridedViewsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// A cast that forgets strides: its result's type says that rows follow each other, and they need not.
static bool forgetsStrides(memref::CastOp op) {
  auto from = dyn_cast<MemRefType>(op.getSource().getType()), to = dyn_cast<MemRefType>(op.getType());
  return from && to && to.getLayout().isIdentity() && !from.areTrailingDimsContiguous(from.getRank());
}

void FptqCopyStridedViewsPass::runOnOperation() {
  SmallVector<memref::CastOp> casts;
  getOperation().walk([&](memref::CastOp op) {
    if (forgetsStrides(op))
      casts.push_back(op);
  });
  for (memref::CastOp op : casts) {
    op.replaceAllUsesWith(copyOf(op.getSource(), cast<MemRefType>(op.getType()), op));
    op.erase();
  }
}
} // namespace mlir::fptq
