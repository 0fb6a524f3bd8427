//===- AllowContraction.cpp - fma, and bounds of sizes --------------------===//
#include "Tiling.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQALLOWCONTRACTIONPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqAllowContractionPass : impl::FptqAllowContractionPassBase<FptqAllowContractionPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// A size that slices a static dimension is bounded by it, where it is known to be sliced at all: not in a branch
/// alone, which may well ask first. The slice itself will be folded away, so the bound is noted on the op that computes
/// the size.
static void noteBounds(tensor::ExtractSliceOp slice) {
  for (auto [d, size] : llvm::enumerate(slice.getMixedSizes())) {
    auto value = dyn_cast<Value>(size);
    Operation *definition = value ? value.getDefiningOp() : nullptr;
    int64_t bound = slice.getSourceType().getDimSize(d);
    // Of an op with several results the note would be about all of them.
    if (!definition || definition->getNumResults() != 1 || definition->getBlock() != slice->getBlock() ||
        ShapedType::isDynamic(bound))
      continue;
    if (auto known = definition->getAttrOfType<IntegerAttr>(kUpperBoundAttr))
      bound = std::min(bound, known.getInt());
    definition->setAttr(kUpperBoundAttr, IntegerAttr::get(IndexType::get(slice.getContext()), bound));
  }
}

void FptqAllowContractionPass::runOnOperation() {
  getOperation()->walk([&](arith::ArithFastMathInterface op) {
    // LLVM's conversions have no such flags: the lowering would leave arith's attribute on them, which tools without
    // that dialect (mlir-translate) refuse to read.
    if (isa<arith::ExtFOp, arith::TruncFOp>(op))
      return;
    // An fma of halves is one of doubles, rounded by a function of the compiler's library that no program here has.
    if (getElementTypeOrSelf(op->getResult(0)).isF16())
      return;
    arith::FastMathFlagsAttr present = op.getFastMathFlagsAttr();
    auto flags = (present ? present.getValue() : arith::FastMathFlags::none) | arith::FastMathFlags::contract;
    op->setAttr(op.getFastMathAttrName(), arith::FastMathFlagsAttr::get(&getContext(), flags));
  });
  getOperation()->walk(noteBounds);
}
} // namespace mlir::fptq
