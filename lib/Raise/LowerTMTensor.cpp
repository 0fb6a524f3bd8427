//===- LowerTMTensor.cpp - tm_tensor to loops over tensors ----------------===//
#include "LowerTMTensor.h"
#include "fptq/Raise/TMTensor.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::tm_tensor;
using Values = TensorLoops::Values;

namespace {
struct LowerScan : OpRewritePattern<ScanOp> {
  using Base::Base;
  LogicalResult matchAndRewrite(ScanOp op, PatternRewriter &rewriter) const override;
};

struct LowerSort : OpRewritePattern<SortOp> {
  using Base::Base;
  LogicalResult matchAndRewrite(SortOp op, PatternRewriter &rewriter) const override;
};

struct LowerTopk : OpRewritePattern<TopkOp> {
  using Base::Base;
  LogicalResult matchAndRewrite(TopkOp op, PatternRewriter &rewriter) const override;
};

struct LowerScatter : OpRewritePattern<ScatterOp> {
  using Base::Base;
  LogicalResult matchAndRewrite(ScatterOp op, PatternRewriter &rewriter) const override;
};
} // namespace

/// All loops in the order of the dimensions: whichever of them is scanned, the one before is done.
LogicalResult LowerScan::matchAndRewrite(ScanOp op, PatternRewriter &rewriter) const {
  TensorLoops top{rewriter, op.getLoc()};
  Value input = op.getInputs()[0];
  int64_t dimension = op.getDimension();
  Values results = top.nest(top.sizes(input), op.getOutputs(), [&](TensorLoops at, ValueRange ivs, ValueRange carried) {
    Value i = ivs[dimension], zero = at.index(0);
    Values from(ivs), others(ivs);
    others.erase(others.begin() + dimension);
    if (!op.getInclusive())
      from[dimension] = at.sub(at.max(i, at.index(1)), at.index(1));
    Value before = at.load(carried[1], others), x = at.load(input, from);
    Value first = at.compare(arith::CmpIPredicate::eq, i, zero);
    Value next = at.select(first, op.getInclusive() ? x : before, at.call(op.getRegion(), {before, x}));
    return Values{at.store(next, carried[0], ivs), at.store(next, carried[1], others)};
  });
  rewriter.replaceOp(op, results);
  return success();
}

LogicalResult LowerSort::matchAndRewrite(SortOp op, PatternRewriter &rewriter) const {
  auto stays = [&](TensorLoops at, ValueRange elements) { return at.call(op.getRegion(), elements); };
  rewriter.replaceOp(op, sortLines({rewriter, op.getLoc()}, op.getOutputs(), op.getDimension(), stays));
  return success();
}

LogicalResult LowerTopk::matchAndRewrite(TopkOp op, PatternRewriter &rewriter) const {
  TensorLoops top{rewriter, op.getLoc()};
  int64_t dimension = op.getDimension();
  Value values = op.getInputs()[0];
  Type indexType = cast<ShapedType>(op.getOutputs()[1].getType()).getElementType();
  Value kept = top.size(op.getOutputs()[0], dimension);
  Values results = top.nest(top.sizes(values), op.getOutputs(), [&](TensorLoops at, ValueRange ivs, ValueRange lists) {
    Value which = op.getInputs().size() == 2 ? at.load(op.getInputs()[1], ivs) : at.castTo(ivs[dimension], indexType);
    Values carried{lists[0], lists[1], at.load(values, ivs), which};
    // The newcomer takes the first place that is due to it, and what it displaces goes on to the next.
    carried = at.nest(kept, carried, [&](TensorLoops at, ValueRange k, ValueRange carried) {
      Values place(ivs);
      place[dimension] = k[0];
      Value x = carried[2], xIndex = carried[3], y = at.load(carried[0], place), yIndex = at.load(carried[1], place);
      Value before = at.call(op.getRegion(), {x, y}), after = at.call(op.getRegion(), {y, x});
      Value lower = at.compare(arith::CmpIPredicate::slt, xIndex, yIndex);
      Value takes = at.either(before, at.both(at.inverse(at.either(before, after)), lower));
      return Values{at.store(at.select(takes, x, y), carried[0], place),
                    at.store(at.select(takes, xIndex, yIndex), carried[1], place), at.select(takes, y, x),
                    at.select(takes, yIndex, xIndex)};
    });
    return Values{carried[0], carried[1]};
  });
  rewriter.replaceOp(op, results);
  return success();
}

/// Where in `out` the element `ivs` of the updates goes: what the indices say plus the place in the window.
static Values positionOf(ScatterOp op, TensorLoops at, ValueRange ivs, Value out) {
  Value indices = op.getInputs()[1];
  int64_t rank = cast<ShapedType>(out.getType()).getRank(), window = ivs.size() - 1;
  Values base(rank, at.index(0));
  for (auto [column, d] : llvm::enumerate(op.getDimensionMap()))
    base[d] = at.castTo(at.load(indices, {ivs[0], at.index(column)}), at.b.getIndexType());
  Values position = base;
  for (int64_t i = 0; i < window; ++i)
    position[rank - window + i] = at.add(position[rank - window + i], ivs[1 + i]);
  for (int64_t d : op.getDimensionMap()) { // unsigned: a negative index is large
    Value size = at.size(out, d), inside = at.both(at.below(base[d], size), at.below(position[d], size));
    cf::AssertOp::create(at.b, at.loc, inside, "scatter index is outside the tensor");
  }
  return position;
}

LogicalResult LowerScatter::matchAndRewrite(ScatterOp op, PatternRewriter &rewriter) const {
  TensorLoops top{rewriter, op.getLoc()};
  Value updates = op.getInputs()[0];
  Values results = top.nest(top.sizes(updates), op.getOutputs(), [&](TensorLoops at, ValueRange ivs, ValueRange out) {
    Values position = positionOf(op, at, ivs, out[0]);
    Value next = at.call(op.getRegion(), {at.load(updates, ivs), at.load(out[0], position)});
    return Values{at.store(next, out[0], position)};
  });
  rewriter.replaceOp(op, results);
  return success();
}

void mlir::fptq::populateLowerTMTensorPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerScan, LowerSort, LowerTopk, LowerScatter>(patterns.getContext());
}
