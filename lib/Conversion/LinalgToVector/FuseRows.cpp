//===- FuseRows.cpp - rows are quantized where they are computed ----------===//
#include "RowProducers.h"
#include "Tiling.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/Remarks.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQFUSEROWSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqFuseRowsPass : impl::FptqFuseRowsPassBase<FptqFuseRowsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

static bool fuse(IRRewriter &rewriter, QuantizeActivationsOp op, int64_t bytes, bool threads) {
  auto type = dyn_cast<RankedTensorType>(op.getX().getType());
  if (!type)
    return false;
  int64_t rows = std::clamp<int64_t>(bytes / (4 * std::max<int64_t>(type.getDimSize(1), 1)), 1, 8);
  bool many = type.isDynamicDim(0) || type.getDimSize(0) > rows;
  auto made = madeFor(op);
  if (!many || type.isDynamicDim(1) || made.size() == 1)
    return false;
  scf::SCFTilingOptions tiling;
  tiling.setTileSizes(indexAttrs(rewriter.getContext(), {rows}));
  if (threads)
    tiling.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  scf::SCFTileAndFuseOptions options;
  options.setTilingOptions(tiling);
  using Control = scf::SCFTileAndFuseOptions::ControlFnResult;
  options.setFusionControlFn([&](tensor::ExtractSliceOp, OpResult result, bool) -> std::optional<Control> {
    if (isa<linalg::FillOp>(result.getOwner()) || (made.contains(result.getOwner()) && canBeTiledByResult(result)))
      return Control{};
    return std::nullopt;
  });
  rewriter.setInsertionPoint(op);
  auto tiled = scf::tileConsumerAndFuseProducersUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
  if (failed(tiled))
    return false;
  remark::passed(op.getLoc(), remark::RemarkOpts::name("QuantizeStepFused").category("LinalgToVector"))
      << remark::metric("rows", rows) << remark::metric("ops", made.size());
  for (OpResult result : op->getResults())
    rewriter.replaceAllUsesWith(result, tiled->replacements.lookup(result));
  rewriter.eraseOp(op);
  return true;
}

void FptqFuseRowsPass::runOnOperation() {
  SmallVector<QuantizeActivationsOp> ops;
  getOperation().walk([&](QuantizeActivationsOp op) { ops.push_back(op); });
  IRRewriter rewriter(&getContext());
  bool changed = false;
  for (QuantizeActivationsOp op : ops)
    changed |= fuse(rewriter, op, bytes, threads);
  if (!changed)
    return;
  // Slices of whole tensors become tensors of a few rows.
  RewritePatternSet patterns(&getContext());
  tensor::populateFoldTensorEmptyPatterns(patterns);
  if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
    signalPassFailure();
}
} // namespace mlir::fptq
