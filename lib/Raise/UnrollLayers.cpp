//===- UnrollLayers.cpp - loops over stacked layers -----------------------===//
#include "CountedLoops.h"
#include "MatchLinear.h"
#include "fptq/Raise/ComputedWeight.h"
#include "fptq/Raise/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQUNROLLLAYERSPASS
#include "fptq/Raise/Passes.h.inc"

namespace {
struct FptqUnrollLayersPass : impl::FptqUnrollLayersPassBase<FptqUnrollLayersPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// Folds and canonicalizes `ops` and what is in them: counters that became constants, as far as they reach. Casts of
/// `quant`, which would fold to nothing, are fptq-import-quant's.
static void simplify(ArrayRef<Operation *> ops, const FrozenRewritePatternSet &patterns) {
  SmallVector<Operation *> all;
  for (Operation *op : ops)
    op->walk([&](Operation *inner) {
      if (!isa_and_present<quant::QuantDialect>(inner->getDialect()))
        all.push_back(inner);
    });
  std::reverse(all.begin(), all.end()); // the last is visited first: a loop after what is in it
  GreedyRewriteConfig config;
  config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
  (void)applyOpPatternsGreedily(all, patterns, config); // failure: not everything there is to simplify
}

static FrozenRewritePatternSet makePatterns(MLIRContext *context) {
  RewritePatternSet patterns(context);
  scf::WhileOp::getCanonicalizationPatterns(patterns, context);
  scf::ForOp::getCanonicalizationPatterns(patterns, context);
  tensor::ExtractOp::getCanonicalizationPatterns(patterns, context);
  tensor::ExtractSliceOp::getCanonicalizationPatterns(patterns, context);
  tensor::InsertSliceOp::getCanonicalizationPatterns(patterns, context);
  return std::move(patterns);
}

static bool hasProducts(Operation *op) {
  auto walk = op->walk([](linalg::LinalgOp product) {
    return isMultiplyAccumulate(product) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return walk.wasInterrupted();
}

/// Loops with a known number of trips become `scf.for`.
static void countLoops(ModuleOp module, const FrozenRewritePatternSet &patterns) {
  SmallVector<scf::WhileOp> loops; // inner ones first
  module.walk([&](scf::WhileOp loop) {
    if (hasProducts(loop))
      loops.push_back(loop);
  });
  IRRewriter rewriter(module.getContext());
  for (scf::WhileOp loop : loops)
    if (scf::ForOp counted = countTrips(rewriter, loop))
      simplify(counted.getOperation(), patterns);
}

/// Adds what `loop` counts with: its induction variable, and integers that it carries and computes from constants and
/// what is in `counters`.
static void addCounters(scf::ForOp loop, llvm::DenseSet<Value> &counters) {
  auto isCounter = [&](Value value) { return counters.contains(value); };
  SmallVector<OpOperand *> candidates;
  for (OpOperand &init : loop.getInitArgsMutable())
    if (init.get().getType().isIntOrIndex() && isComputedFrom(init.get(), isCounter))
      candidates.push_back(&init);
  counters.insert(loop.getInductionVar());
  for (OpOperand *candidate : candidates)
    counters.insert(loop.getTiedLoopRegionIterArg(candidate));
  bool changed = true;
  while (changed) {
    changed = false;
    for (OpOperand *candidate : candidates) {
      BlockArgument argument = loop.getTiedLoopRegionIterArg(candidate);
      if (isCounter(argument) && !isComputedFrom(loop.getTiedLoopYieldedValue(argument)->get(), isCounter))
        changed = counters.erase(argument);
    }
  }
}

/// The trips of a loop whose counters choose weights; 0 of any other.
static int64_t layersOf(scf::ForOp loop) {
  std::optional<APInt> trips = loop.getStaticTripCount();
  if (!trips || trips->isZero() || trips->getActiveBits() > 31)
    return 0;
  llvm::DenseSet<Value> own;
  addCounters(loop, own);
  llvm::DenseSet<Value> all = own; // counters of loops in this one are constants, too, once that is unrolled
  loop.getBody()->walk<WalkOrder::PreOrder>([&](scf::ForOp inner) {
    if (inner.getStaticTripCount())
      addCounters(inner, all);
  });
  int64_t count = trips->getZExtValue();
  auto walk = loop->walk([&](linalg::LinalgOp op) {
    bool isLayer = isWeightChosenBy(op, own, count, [&](Value value) { return all.contains(value); });
    return isLayer ? WalkResult::interrupt() : WalkResult::advance();
  });
  return walk.wasInterrupted() ? count : 0;
}

static remark::RemarkOpts options(StringRef name) { return remark::RemarkOpts::name(name).category("Raise"); }

/// Unrolls `loop`, if it is one over layers and not too large; what it became is left for the caller to look at. Says
/// of one that it leaves alone why, unless its place is among `leftAlone`.
static bool unroll(scf::ForOp loop, int64_t maxOperations, const FrozenRewritePatternSet &patterns,
                   DenseSet<Location> &leftAlone) {
  int64_t layers = layersOf(loop), operations = 0;
  if (!layers)
    return false;
  loop->walk([&](Operation *) { ++operations; });
  Location loc = loop.getLoc();
  auto leave = [&](const std::string &reason) {
    if (!leftAlone.insert(loc).second)
      return false;
    remark::missed(loc, options("LeftAlone"))
        << remark::add("loop over {0} stacked layers left alone", layers) << remark::reason("{0}", reason);
    return false;
  };
  if (operations * layers > maxOperations)
    return leave("unrolled, it would have " + std::to_string(operations * layers) +
                 " operations, more than max-operations=" + std::to_string(maxOperations));
  Operation *before = loop->getPrevNode(), *after = loop->getNextNode();
  Block *block = loop->getBlock();
  if (failed(loopUnrollFull(loop)))
    return leave("upstream's loopUnrollFull does not unroll it");
  auto first = before ? std::next(before->getIterator()) : block->begin();
  simplify(llvm::map_to_vector(llvm::make_range(first, after->getIterator()), [](Operation &op) { return &op; }),
           patterns);
  remark::passed(loc, options("UnrolledLayers"))
      << remark::add("loop over {0} stacked layers unrolled", layers) << remark::metric("layers", layers);
  return true;
}

void FptqUnrollLayersPass::runOnOperation() {
  FrozenRewritePatternSet patterns = makePatterns(&getContext());
  countLoops(getOperation(), patterns);
  DenseSet<Location> leftAlone; // others' unrolling brings a loop here again, and copies of it
  bool changed = true;
  while (changed) { // outer loops first: one of them may be all that an inner one's weights depend on beside itself
    SmallVector<scf::ForOp> loops;
    getOperation().walk<WalkOrder::PreOrder>([&](scf::ForOp loop) { loops.push_back(loop); });
    changed = false;
    for (scf::ForOp loop : loops)
      if (unroll(loop, maxOperations, patterns, leftAlone)) {
        changed = true;
        break; // others were copied
      }
  }
}
} // namespace mlir::fptq
