//===- FuseRows.cpp - rows are quantized where they are computed ----------===//
#include "Tiling.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/IR/Fptq.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQFUSEROWSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqFuseRowsPass : impl::FptqFuseRowsPassBase<FptqFuseRowsPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// An elementwise op or a row reduction.
static bool isRowwise(linalg::GenericOp op) {
  return op && op.hasPureTensorSemantics() && op->getNumResults() == 1 && op.getNumReductionLoops() <= 1 &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isProjectedPermutation() &&
         llvm::all_of(op.getBlock()->without_terminator(),
                      [](Operation &body) { return !body.getNumRegions() && isMemoryEffectFree(&body); });
}

/// `op` and what is computed for it alone: row by row nothing of it is computed twice.
static llvm::SmallSetVector<Operation *, 8> madeFor(QuantizeActivationsOp op) {
  llvm::SmallSetVector<Operation *, 8> made;
  made.insert(op);
  for (bool grown = true; grown;) {
    grown = false;
    for (Operation *reader : SmallVector<Operation *>(made.begin(), made.end()))
      for (Value operand : reader->getOperands()) {
        auto producer = operand.getDefiningOp<linalg::GenericOp>();
        if (producer && isRowwise(producer) && llvm::all_of(producer->getUsers(), [&](Operation *user) {
              return isa<tensor::DimOp>(user) || made.contains(user);
            }))
          grown |= made.insert(producer);
      }
  }
  return made;
}

static bool fuse(IRRewriter &rewriter, QuantizeActivationsOp op, int64_t bytes, bool threads) {
  auto type = cast<RankedTensorType>(op.getX().getType());
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
    if (isa<linalg::FillOp>(result.getOwner()) || made.contains(result.getOwner()))
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
