//===- SortLines.cpp - a merge sort of tensors ----------------------------===//
// From the bottom up: sorted runs of 1, 2, 4, ... elements are merged in pairs. What is merged are positions, from one
// row of a scratch tensor to the other, so that no pass copies elements, and one tensor is carried by all loops: two of
// the same type would become one buffer (docs/UpstreamIssues.md, "A tensor.empty that nested loops carry twice").
#include "LowerTMTensor.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::fptq;
using Values = TensorLoops::Values;
using Order = function_ref<Value(TensorLoops at, ValueRange elements)>;

namespace {
/// One line of tensors: all dimensions but one are fixed.
struct Line {
  ValueRange tensors;
  ValueRange outer;
  int64_t dimension;
  Value n;

  Values place(Value k) const {
    Values place(outer);
    place.insert(place.begin() + dimension, k);
    return place;
  }
};

/// Sorted runs from `begin` to `middle` and from `middle` to `end` in row `from`; merged in row `to`.
struct Runs {
  Value from, to, begin, middle, end;
};
} // namespace

/// ceil(log2(n)), the number of passes.
static Value passes(TensorLoops at, Value n) {
  Value last = at.castTo(at.sub(at.max(n, at.index(1)), at.index(1)), at.b.getI64Type());
  Value zeros = math::CountLeadingZerosOp::create(at.b, at.loc, last);
  return at.sub(at.index(64), at.castTo(zeros, at.b.getIndexType()));
}

static Value mergeRuns(TensorLoops at, const Line &line, Runs runs, Value order, Order stays) {
  Value last = at.sub(line.n, at.index(1));
  auto takeOne = [&](TensorLoops at, ValueRange k, ValueRange carried) {
    Value left = carried[0], right = carried[1], order = carried[2];
    // A run that is used up has no next element; any will do, since it is not chosen.
    Value first = at.load(order, {runs.from, at.min(left, last)});
    Value second = at.load(order, {runs.from, at.min(right, last)});
    Values elements;
    for (Value tensor : line.tensors)
      elements.append({at.load(tensor, line.place(first)), at.load(tensor, line.place(second))});
    Value rightIsUsedUp = at.compare(arith::CmpIPredicate::uge, right, runs.end);
    Value fromLeft = at.both(at.below(left, runs.middle), at.either(rightIsUsedUp, stays(at, elements)));
    Value one = at.index(1);
    return Values{at.select(fromLeft, at.add(left, one), left), at.select(fromLeft, right, at.add(right, one)),
                  at.store(at.select(fromLeft, first, second), order, {runs.to, k[0]})};
  };
  return at.loop(runs.begin, runs.end, at.index(1), {runs.begin, runs.middle, order}, takeOne)[2];
}

/// The positions of a line's elements in order, and the row of `order` they are in.
static std::pair<Value, Value> sortLine(TensorLoops at, const Line &line, Value order, Order stays) {
  Value zero = at.index(0), one = at.index(1), levels = passes(at, line.n);
  order = at.nest(line.n, order, [&](TensorLoops at, ValueRange k, ValueRange order) {
    return Values{at.store(k[0], order[0], {zero, k[0]})};
  })[0];
  order = at.nest(levels, order, [&](TensorLoops at, ValueRange level, ValueRange order) {
    Value width = arith::ShLIOp::create(at.b, at.loc, one, level[0]);
    Value from = at.both(level[0], one), to = at.sub(one, from);
    return at.loop(zero, line.n, at.add(width, width), order, [&](TensorLoops at, ValueRange begin, ValueRange order) {
      Value middle = at.min(at.add(begin[0], width), line.n), end = at.min(at.add(middle, width), line.n);
      return Values{mergeRuns(at, line, {from, to, begin[0], middle, end}, order[0], stays)};
    });
  })[0];
  return {order, at.both(levels, one)};
}

Values mlir::fptq::sortLines(TensorLoops top, ValueRange tensors, int64_t dimension, Order stays) {
  Values outer = top.sizes(tensors.front()), carried(tensors);
  Value n = outer[dimension];
  outer.erase(outer.begin() + dimension);
  int64_t length = cast<RankedTensorType>(tensors.front().getType()).getDimSize(dimension);
  auto type = RankedTensorType::get({2, length}, top.b.getIndexType());
  carried.push_back(
      tensor::EmptyOp::create(top.b, top.loc, type, type.hasStaticShape() ? ValueRange() : ValueRange(n)));
  Values sorted = top.nest(outer, carried, [&](TensorLoops at, ValueRange ivs, ValueRange carried) {
    Line line{tensors, ivs, dimension, n};
    Value order, row;
    std::tie(order, row) = sortLine(at, line, carried.back(), stays);
    Values next = at.nest(n, carried.drop_back(), [&](TensorLoops at, ValueRange k, ValueRange results) {
      Value from = at.load(order, {row, k[0]});
      Values next;
      for (auto [tensor, result] : llvm::zip(tensors, results))
        next.push_back(at.store(at.load(tensor, line.place(from)), result, line.place(k[0])));
      return next;
    });
    next.push_back(order);
    return next;
  });
  sorted.pop_back();
  return sorted;
}
