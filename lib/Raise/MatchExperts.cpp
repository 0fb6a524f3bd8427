//===- MatchExperts.cpp - a contraction with one of several weights -------===//
//
// Two forms are seen. Every expert has its own tokens, in a batch that the stack is one of the operands of (Llama 4).
// Or each token picks its experts, and their weights are gathered out of the stack by `tensor.extract` in a generic: a
// copy of a whole weight for every token, which is how Hugging Face's `batched_mm` exports, and what einsum over
// `w[ids]` is.
//
//===----------------------------------------------------------------------===//
#include "MatchExperts.h"
#include "MatchLinear.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::fptq;

/// Depthwise and narrowly grouped convolutions are stacks too, of weights that fill no vector.
static constexpr int64_t kMinChannels = 16;
/// Every expert becomes a layer; the most that a model is known to have is 512.
static constexpr int64_t kMaxExperts = 1024;

static bool uses(AffineMap map, unsigned loop) { return map.isFunctionOfDim(loop); }

/// The loop that alone indexes a dimension.
static std::optional<unsigned> loopOf(AffineExpr expr) {
  auto dim = dyn_cast<AffineDimExpr>(expr);
  return dim ? std::optional<unsigned>(dim.getPosition()) : std::nullopt;
}

/// `gather` reads stack[expert, loops..] with all of each other dimension: which dimension the expert is, and what
/// computes it.
static bool matchGather(linalg::GenericOp gather, ExpertsMatch &match) {
  if (!gather.hasPureTensorSemantics() || gather.getNumResults() != 1 || gather.getNumReductionLoops() ||
      !gather.getMatchingIndexingMap(gather.getDpsInitOperand(0)).isPermutation())
    return false;
  Value yielded = gather.getBody()->getTerminator()->getOperand(0);
  if (auto extension = yielded.getDefiningOp<arith::ExtFOp>())
    yielded = extension.getIn();
  auto extract = yielded.getDefiningOp<tensor::ExtractOp>();
  if (!extract || !isConstantChain(extract.getTensor()) || !isFloatTensor(extract.getTensor()) ||
      isMadeInside(gather, extract.getTensor()))
    return false;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(extract.getTensor().getType()).getShape();
  if (shape.size() < 3)
    return false; // rows of a table
  SmallVector<int64_t> extents = gather.getStaticLoopRanges();
  llvm::SmallBitVector along(gather.getNumLoops());
  Value expert;
  for (auto [d, index] : llvm::enumerate(extract.getIndices())) {
    auto loop = index.getDefiningOp<linalg::IndexOp>();
    if (loop && extents[loop.getDim()] == shape[d] && !along.test(loop.getDim())) {
      along.set(loop.getDim());
      continue;
    }
    if (expert)
      return false;
    expert = index;
    match.expertDim = d;
  }
  FailureOr<IndexMatch> found = expert ? matchIndex(gather, expert, along) : FailureOr<IndexMatch>();
  // An assert that differs along a row would go with the gather; those of the expert go with the routing.
  if (failed(found) || along.all() ||
      llvm::any_of(found->varying, [](Operation *op) { return !isMemoryEffectFree(op); }))
    return false;
  match.stack = extract.getTensor(), match.gather = gather, match.extract = extract, match.expert = *found;
  return true;
}

/// From the map to what `match.gather` makes to the maps of picks and of the stack.
static bool mapGather(AffineMap weightMap, ExpertsMatch &match) {
  linalg::GenericOp gather = match.gather;
  AffineMap out = gather.getMatchingIndexingMap(gather.getDpsInitOperand(0));
  // Where the contraction's loops lead in the gather's.
  SmallVector<AffineExpr> exprs = llvm::to_vector(inversePermutation(out).compose(weightMap).getResults());
  for (unsigned loop = 0; loop < gather.getNumLoops(); ++loop)
    if (!match.expert.along.test(loop)) {
      std::optional<unsigned> pick = loopOf(exprs[loop]);
      if (!pick || llvm::is_contained(match.picks, *pick))
        return false;
      match.picks.push_back(*pick);
    }
  SmallVector<AffineExpr> results;
  for (auto [d, index] : llvm::enumerate(match.extract.getIndices()))
    results.push_back(d == match.expertDim ? getAffineConstantExpr(0, weightMap.getContext())
                                           : exprs[index.getDefiningOp<linalg::IndexOp>().getDim()]);
  match.stackMap = AffineMap::get(weightMap.getNumDims(), 0, results, weightMap.getContext());
  return true;
}

/// The loop that all three operands have, and the dimension of the stack it runs along.
static bool mapBatch(AffineMap weightMap, ArrayRef<int64_t> extents, ExpertsMatch &match) {
  SmallVector<AffineExpr> results = llvm::to_vector(weightMap.getResults());
  for (auto [d, expr] : llvm::enumerate(weightMap.getResults())) {
    std::optional<unsigned> loop = loopOf(expr);
    if (!loop || extents[*loop] == 1 || !uses(match.xMap, *loop) || !uses(match.resultMap, *loop))
      continue;
    if (!match.picks.empty())
      return false;
    match.picks.push_back(*loop);
    match.expertDim = d;
    results[d] = getAffineConstantExpr(0, weightMap.getContext());
  }
  match.stackMap = AffineMap::get(weightMap.getNumDims(), 0, results, weightMap.getContext());
  return match.picks.size() == 1;
}

/// `map` without the loops over a kernel of size 1, which a grouped convolution adds to those over its image.
static AffineMap withoutUnitWindows(AffineMap map, AffineMap resultMap, ArrayRef<int64_t> extents) {
  SmallVector<AffineExpr> loops, results;
  for (auto [loop, extent] : llvm::enumerate(extents))
    loops.push_back(extent == 1 && !uses(resultMap, loop) ? getAffineConstantExpr(0, map.getContext())
                                                          : getAffineDimExpr(loop, map.getContext()));
  for (AffineExpr expr : map.getResults())
    results.push_back(isa<AffineBinaryOpExpr>(expr) ? expr.replaceDims(loops) : expr);
  return AffineMap::get(map.getNumDims(), 0, results, map.getContext());
}

/// Finds the stack behind one of the operands: whether there is one at all, and in `fits` if its form is known.
static bool findStack(linalg::LinalgOp op, ArrayRef<int64_t> extents, ExpertsMatch &match, bool &fits) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  match.resultMap = maps[2];
  for (int side : {1, 0}) {
    AffineMap map = maps[side];
    Value below = peelWeight(op.getDpsInputOperand(side)->get(), map);
    match.x = op.getDpsInputOperand(1 - side)->get(), match.xMap = maps[1 - side];
    if (isConstantChain(below)) {
      match.stack = below;
      match.xMap = withoutUnitWindows(match.xMap, match.resultMap, extents);
      bool isBatch = llvm::any_of(llvm::seq(op.getNumLoops()), [&](unsigned loop) {
        return extents[loop] != 1 && uses(map, loop) && uses(match.xMap, loop) && uses(match.resultMap, loop);
      });
      fits = isBatch && mapBatch(map, extents, match);
      return isBatch;
    }
    if (auto gather = below.getDefiningOp<linalg::GenericOp>(); gather && matchGather(gather, match)) {
      fits = mapGather(map, match);
      return true;
    }
  }
  return false;
}

/// Sorts the loops that pick nothing; false where one of them is no row, column or reduction.
static bool sortLoops(unsigned loops, ArrayRef<int64_t> extents, ExpertsMatch &match) {
  for (unsigned loop = 0; loop < loops; ++loop) {
    bool inX = uses(match.xMap, loop), inStack = uses(match.stackMap, loop), inResult = uses(match.resultMap, loop);
    if (llvm::is_contained(match.picks, loop)) {
      if (!inResult)
        return false; // summed over the picks
      continue;
    }
    if (extents[loop] == 1)
      continue;
    if (inX + inStack + inResult != 2)
      return false;
    (!inStack ? match.rows : inX ? match.reductions : match.columns).push_back(loop);
  }
  return true;
}

static int64_t product(ArrayRef<unsigned> loops, ArrayRef<int64_t> extents) {
  int64_t result = 1;
  for (unsigned loop : loops)
    result *= extents[loop];
  return result;
}

FailureOr<ExpertsMatch> mlir::fptq::matchExperts(linalg::LinalgOp op, StringRef &reason) {
  reason = "";
  if (!op.hasPureTensorSemantics() || !isMultiplyAccumulate(op))
    return failure();
  ExpertsMatch match;
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  bool fits = false;
  if (!findStack(op, extents, match, fits))
    return failure();
  if (!isFloatTensor(match.x) || !isFloatTensor(match.stack) || !isFloatTensor(op->getResult(0)) ||
      isConstantChain(match.x))
    return failure();           // matchLinear says why
  if (cameAsCodes(match.stack)) // a slice of them is evaluated as floats, and would be quantized anew
    return reason = "its weight is a stack of quantized ones, whose codes are not taken apart", failure();
  if (llvm::is_contained(extents, 0))
    return reason = "it has a dimension of size 0", failure();
  static constexpr StringLiteral unknown =
      "the weight differs along a batch dimension, in no form that is split into experts";
  // The stack knows how many channels there are even if x leaves it open.
  for (auto [d, expr] : llvm::enumerate(match.stackMap ? match.stackMap.getResults() : ArrayRef<AffineExpr>()))
    if (std::optional<unsigned> loop = loopOf(expr))
      extents[*loop] = cast<RankedTensorType>(match.stack.getType()).getDimSize(d);
  if (!fits || !sortLoops(op.getNumLoops(), extents, match))
    return reason = unknown, failure();
  if (product(match.columns, extents) < kMinChannels || product(match.reductions, extents) < kMinChannels)
    return reason = "the weight differs along a batch dimension and has fewer than 16 input or output channels each "
                    "time (a depthwise or grouped convolution)",
           failure();
  if (!match.xMap.isProjectedPermutation())
    return reason =
               "the weight differs along a batch dimension, and windows of its input overlap (a convolution in groups)",
           failure();
  if (!match.resultMap.isProjectedPermutation() || !match.stackMap.isProjectedPermutation(/*allowZeroInResults=*/true))
    return reason = unknown, failure();
  if (match.numExperts() > kMaxExperts)
    return reason = "the weight differs along a batch dimension of more than 1024", failure();
  return match;
}
