//===- ExpertRouting.cpp - tokens sorted by the experts they picked -------===//
//
// A counting sort: how many picks an expert has, where they begin, and each pick to its place; stable. Loops of
// scalars, P + E + P steps, beside the products of whole matrices that they save.
//
//===----------------------------------------------------------------------===//
#include "ExpertRouting.h"
#include "EmitLookup.h"
#include "MatchLinear.h"
#include "TensorLoops.h"
#include "fptq/Support/ParallelLoops.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/IR/OperationSupport.h"

using namespace mlir;
using namespace mlir::fptq;
using Values = TensorLoops::Values;

/// Whether both compute the same indices from the same inputs, into a tensor of their own.
static bool isSame(linalg::GenericOp a, linalg::GenericOp b) {
  return a->getBlock() == b->getBlock() && a.getResultTypes() == b.getResultTypes() &&
         llvm::equal(a.getDpsInputs(), b.getDpsInputs()) && a.getIndexingMapsArray() == b.getIndexingMapsArray() &&
         OperationEquivalence::isRegionEquivalentTo(&a.getRegion(), &b.getRegion(),
                                                    OperationEquivalence::IgnoreLocations);
}

/// The picks as one dimension.
static Value flatten(OpBuilder &b, Location loc, Value ids) {
  int64_t rank = cast<RankedTensorType>(ids.getType()).getRank();
  if (rank == 1)
    return ids;
  ReassociationIndices all = llvm::to_vector<2>(llvm::seq<int64_t>(0, rank));
  return tensor::CollapseShapeOp::create(b, loc, ids, ArrayRef<ReassociationIndices>{all});
}

/// E + 1 offsets.
static Value emitOffsets(TensorLoops top, Value flat, int64_t experts) {
  Type index = top.b.getIndexType();
  Value zero = top.index(0), one = top.index(1), count = top.index(experts);
  Value empty = tensor::EmptyOp::create(top.b, top.loc, {experts + 1}, index);
  Value counts = linalg::FillOp::create(top.b, top.loc, zero, empty).getResult(0);
  // An expert's picks are counted one place behind it: summed up, they are what the next one begins at.
  counts = top.nest(top.sizes(flat), counts, [&](TensorLoops at, ValueRange pick, ValueRange counts) {
    Value expert = at.load(flat, pick);
    // Unsigned: a negative one is large. What reads the stack there is gone, and with it what would have failed.
    cf::AssertOp::create(at.b, at.loc, at.below(expert, count), "expert is outside the stack of weights");
    Value next = at.add(expert, one);
    return Values{at.store(at.add(at.load(counts[0], next), one), counts[0], next)};
  })[0];
  return top.nest(count, counts, [&](TensorLoops at, ValueRange expert, ValueRange counts) {
    Value next = at.add(expert[0], one);
    Value sum = at.add(at.load(counts[0], expert), at.load(counts[0], next));
    return Values{at.store(sum, counts[0], next)};
  })[0];
}

/// 2 x P. Both directions are rows of one tensor: see docs/UpstreamIssues.md, "A tensor.empty that nested loops carry
/// twice".
static Value emitOrder(TensorLoops top, Value flat, Value offsets) {
  Value zero = top.index(0), one = top.index(1);
  int64_t picks = cast<RankedTensorType>(flat.getType()).getDimSize(0);
  auto type = RankedTensorType::get({2, picks}, top.b.getIndexType());
  Value order = tensor::EmptyOp::create(top.b, top.loc, type,
                                        type.hasStaticShape() ? ValueRange() : ValueRange(top.size(flat, 0)));
  return top.nest(top.sizes(flat), {order, offsets}, [&](TensorLoops at, ValueRange pick, ValueRange carried) {
    Value expert = at.load(flat, pick), place = at.load(carried[1], expert);
    Value next = at.store(pick[0], carried[0], {zero, place});
    return Values{at.store(place, next, {one, pick[0]}), at.store(at.add(place, one), carried[1], expert)};
  })[0];
}

ExpertRouting ExpertRoutings::get(OpBuilder &b, const ExpertsMatch &match) {
  linalg::GenericOp gather = match.gather;
  Location loc = gather.getLoc();
  Value ids = emitIndex(b, gather, match.expert);
  for (const ExpertRouting &routing : made)
    if (routing.experts == match.numExperts() &&
        isSame(routing.ids.getDefiningOp<linalg::GenericOp>(), ids.getDefiningOp<linalg::GenericOp>())) {
      ids.getDefiningOp()->erase();
      return routing;
    }
  TensorLoops top{b, loc};
  Value flat = flatten(b, loc, ids), offsets = emitOffsets(top, flat, match.numExperts());
  made.push_back({ids, emitOrder(top, flat, offsets), offsets, match.numExperts()});
  return made.back();
}

/// One of the two rows of the order: P, index.
static Value rowOfOrder(OpBuilder &b, Location loc, Value order, int64_t row) {
  OpFoldResult one = b.getIndexAttr(1), zero = b.getIndexAttr(0), picks = tensor::getMixedSize(b, loc, order, 1);
  auto type = RankedTensorType::get({cast<RankedTensorType>(order.getType()).getDimSize(1)}, b.getIndexType());
  SmallVector<OpFoldResult> offsets{b.getIndexAttr(row), zero}, sizes{one, picks}, strides{one, one};
  return tensor::ExtractSliceOp::create(b, loc, type, order, offsets, sizes, strides);
}

/// The coordinates of flat position `at` in a tensor of `sizes`.
static SmallVector<Value> coordinates(OpBuilder &b, Location loc, Value at, ArrayRef<OpFoldResult> sizes) {
  SmallVector<Value> result(sizes.size());
  for (size_t d = sizes.size(); d-- > 1;) {
    Value size = getValueOrCreateConstantIndexOp(b, loc, sizes[d]);
    result[d] = arith::RemUIOp::create(b, loc, at, size);
    at = arith::DivUIOp::create(b, loc, at, size);
  }
  result[0] = at;
  return result;
}

namespace {
/// The dimensions of an operand but for those of extent 1, which hide from vectorization that rows are contiguous.
struct KeptDims {
  SmallVector<unsigned> loops;              ///< each dimension's
  SmallVector<ReassociationIndices> groups; ///< that merge the others into them

  bool all() const {
    return llvm::all_of(groups, [](const ReassociationIndices &group) { return group.size() == 1; });
  }
  /// The kept dimension of `loop`.
  unsigned dim(unsigned loop) const { return llvm::find(loops, loop) - loops.begin(); }
};
} // namespace

static KeptDims keptDims(AffineMap map, const ExpertsMatch &match) {
  KeptDims kept;
  ReassociationIndices leading;
  for (auto [d, expr] : llvm::enumerate(map.getResults())) {
    unsigned loop = cast<AffineDimExpr>(expr).getPosition();
    bool isKept = llvm::any_of(ArrayRef<ArrayRef<unsigned>>{match.picks, match.rows, match.columns, match.reductions},
                               [&](ArrayRef<unsigned> loops) { return llvm::is_contained(loops, loop); });
    if (isKept) {
      kept.loops.push_back(loop);
      kept.groups.emplace_back(std::exchange(leading, {}));
    }
    (kept.groups.empty() ? leading : kept.groups.back()).push_back(d);
  }
  return kept;
}

Value mlir::fptq::sortRows(OpBuilder &b, Location loc, const ExpertsMatch &match, const ExpertRouting &routing) {
  KeptDims kept = keptDims(match.xMap, match);
  Value x = kept.all() ? match.x : Value(tensor::CollapseShapeOp::create(b, loc, match.x, kept.groups));
  SmallVector<unsigned> loops(match.rows);
  llvm::append_range(loops, match.reductions);
  SmallVector<OpFoldResult> sizes{tensor::getMixedSize(b, loc, routing.order, 1)};
  for (unsigned loop : loops)
    sizes.push_back(tensor::getMixedSize(b, loc, x, kept.dim(loop)));
  SmallVector<OpFoldResult> picks = tensor::getMixedSizes(b, loc, routing.ids);
  Value empty = tensor::EmptyOp::create(b, loc, sizes, getElementTypeOrSelf(x));
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    SmallVector<Value> pick = coordinates(b, loc, args[0], picks), at;
    for (unsigned loop : kept.loops) {
      auto asPick = llvm::find(match.picks, loop);
      if (asPick != match.picks.end())
        at.push_back(pick[asPick - match.picks.begin()]);
      else
        at.push_back(linalg::IndexOp::create(b, loc, 1 + (llvm::find(loops, loop) - loops.begin())));
    }
    linalg::YieldOp::create(b, loc, tensor::ExtractOp::create(b, loc, x, at).getResult());
  };
  AffineMap first = AffineMap::get(sizes.size(), 0, b.getAffineDimExpr(0));
  auto sorted = linalg::GenericOp::create(b, loc, empty.getType(), rowOfOrder(b, loc, routing.order, 0), empty,
                                          ArrayRef<AffineMap>{first, b.getMultiDimIdentityMap(sizes.size())},
                                          parallelLoops(sizes.size()), body);
  return sorted.getResult(0);
}

Value mlir::fptq::bringBack(OpBuilder &b, Location loc, const ExpertsMatch &match, const ExpertRouting &routing,
                            Value sorted, Value like) {
  KeptDims kept = keptDims(match.resultMap, match);
  SmallVector<OpFoldResult> whole = tensor::getMixedSizes(b, loc, like), sizes;
  for (unsigned loop : kept.loops)
    sizes.push_back(whole[*dimOf(match.resultMap, loop)]);
  Value empty = tensor::EmptyOp::create(b, loc, sizes, getElementTypeOrSelf(like));
  Value places = rowOfOrder(b, loc, routing.order, 1);
  SmallVector<OpFoldResult> picks = tensor::getMixedSizes(b, loc, routing.ids);
  if (picks.size() > 1) {
    ReassociationIndices all = llvm::to_vector<2>(llvm::seq<int64_t>(0, picks.size()));
    places = tensor::ExpandShapeOp::create(b, loc, routing.ids.getType(), places, ArrayRef<ReassociationIndices>{all},
                                           picks);
  }
  auto dims =
      llvm::map_to_vector(match.picks, [&](unsigned loop) -> AffineExpr { return b.getAffineDimExpr(kept.dim(loop)); });
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    SmallVector<Value> at{args[0]};
    for (ArrayRef<unsigned> loops : {ArrayRef(match.rows), ArrayRef(match.columns)})
      for (unsigned loop : loops)
        at.push_back(linalg::IndexOp::create(b, loc, kept.dim(loop)));
    linalg::YieldOp::create(b, loc, tensor::ExtractOp::create(b, loc, sorted, at).getResult());
  };
  unsigned rank = sizes.size();
  auto back = linalg::GenericOp::create(
      b, loc, empty.getType(), places, empty,
      ArrayRef<AffineMap>{AffineMap::get(rank, 0, dims, b.getContext()), b.getMultiDimIdentityMap(rank)},
      parallelLoops(rank), body);
  if (kept.all())
    return back.getResult(0);
  return tensor::ExpandShapeOp::create(b, loc, cast<RankedTensorType>(like.getType()), back.getResult(0), kept.groups,
                                       whole);
}
