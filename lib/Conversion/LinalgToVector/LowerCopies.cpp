//===- LowerCopies.cpp - strided copies as loops --------------------------===//
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQLOWERCOPIESPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqLowerCopiesPass : impl::FptqLowerCopiesPassBase<FptqLowerCopiesPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

void FptqLowerCopiesPass::runOnOperation() {
  IRRewriter rewriter(&getContext());
  getOperation().walk([&](memref::CopyOp copy) {
    auto from = dyn_cast<MemRefType>(copy.getSource().getType()), to = dyn_cast<MemRefType>(copy.getTarget().getType());
    if (!from || !to || from.getRank() == 0 || (from.getLayout().isIdentity() && to.getLayout().isIdentity()))
      return;
    rewriter.setInsertionPoint(copy);
    AffineMap identity = rewriter.getMultiDimIdentityMap(from.getRank());
    SmallVector<utils::IteratorType> parallel(from.getRank(), utils::IteratorType::parallel);
    linalg::GenericOp::create(
        rewriter, copy.getLoc(), ValueRange{copy.getSource()}, ValueRange{copy.getTarget()},
        ArrayRef<AffineMap>{identity, identity}, parallel,
        [](OpBuilder &b, Location loc, ValueRange args) { linalg::YieldOp::create(b, loc, args[0]); });
    rewriter.eraseOp(copy);
  });
}
} // namespace mlir::fptq
