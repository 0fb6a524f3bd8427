//===- OutlineRepeats.cpp - unrolled layers become functions --------------===//
#include "Outlining.h"
#include "PassOptions.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/Hashing.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQOUTLINEREPEATSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqOutlineRepeatsPass : impl::FptqOutlineRepeatsPassBase<FptqOutlineRepeatsPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// `count` pieces of `period` ops, from op `start` on.
struct Repeat {
  size_t start = 0, period = 0, count = 0;
};
} // namespace

/// What an op looks like, operands left out: whether pieces are equal is for fptq-merge-functions to prove.
static size_t signatureOf(Operation *op) {
  size_t hash = llvm::hash_combine(op->getName(), op->getNumOperands());
  for (Type type : llvm::concat<Type>(op->getOperandTypes(), op->getResultTypes()))
    hash = llvm::hash_combine(hash, type);
  for (Region &region : op->getRegions())
    region.walk([&](Operation *inner) { hash = llvm::hash_combine(hash, inner->getName()); });
  return hash;
}

/// The longest run of equal neighbouring pieces; `run` ops from its start on it may be cut anywhere.
static Repeat findRepeat(ArrayRef<size_t> signatures, size_t minimum, size_t &run) {
  Repeat best;
  size_t n = signatures.size();
  for (size_t period = minimum; period <= n / 2; ++period) {
    size_t equal = 0;
    for (size_t i = 0; i + period <= n; ++i) {
      if (i + period < n && signatures[i] == signatures[i + period]) {
        ++equal;
        continue;
      }
      if (equal / period * period > best.period * (best.count ? best.count - 1 : 0)) {
        best = {i - equal, period, equal / period + 1};
        run = equal + period;
      }
      equal = 0;
    }
  }
  return best;
}

/// Shifts the cut to where the fewest values cross it: between layers that is the residual stream.
static Repeat chooseCut(ArrayRef<Operation *> ops, Repeat repeat, size_t run) {
  size_t fewest = std::numeric_limits<size_t>::max();
  Repeat best = repeat;
  for (size_t shift = 0; shift < repeat.period; ++shift) {
    size_t start = repeat.start + shift, count = (run - shift) / repeat.period;
    if (count < 2)
      continue;
    size_t crossing = readLater(ops.slice(start, repeat.period)).size();
    if (crossing < fewest || (crossing == fewest && count > best.count)) {
      fewest = crossing;
      best = {start, repeat.period, count};
    }
  }
  return best;
}

void FptqOutlineRepeatsPass::runOnOperation() {
  if (failed(checkOption(getOperation(), getArgument(), "minimum", minimum)))
    return signalPassFailure();
  SymbolTable symbols(getOperation());
  for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
    if (function.isExternal() || !function.getBody().hasOneBlock())
      continue;
    Block &block = function.getBody().front();
    auto listed = [](Operation &op) { return !isCopied(&op) && !op.hasTrait<OpTrait::ConstantLike>(); };
    // Too short to hold two pieces: leave the function alone.
    if ((size_t)llvm::count_if(block, listed) <= 2 * minimum)
      continue;
    copyForEachReader(block);
    SmallVector<Operation *> ops;
    for (Operation &op : block.without_terminator())
      if (listed(op))
        ops.push_back(&op);
    size_t run = 0;
    Repeat repeat = findRepeat(llvm::map_to_vector(ops, signatureOf), minimum, run);
    if (repeat.count < 2)
      continue;
    repeat = chooseCut(ops, repeat, run);
    remark::passed(function.getLoc(), remark::RemarkOpts::name("LayersOutlined").category("LinalgToVector"))
        << remark::metric("function", function.getName()) << remark::metric("layers", repeat.count)
        << remark::metric("ops", repeat.period);
    for (size_t i = 0; i < repeat.count; ++i)
      outline(ArrayRef(ops).slice(repeat.start + i * repeat.period, repeat.period), function, symbols);
  }
}
} // namespace mlir::fptq
