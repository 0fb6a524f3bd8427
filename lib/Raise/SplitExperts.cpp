//===- SplitExperts.cpp - a contraction for each expert -------------------===//
//
// A loop over the experts that switches to the contraction of each, between a slice of x and one of the result. With
// e(p) the expert of pick p, y[p] = x[p] W[e(p)]: the rows of x are brought in the order of their experts first, so
// that each expert has a run of them, and the results are brought back. Nothing after this knows of experts: they are
// linears.
//
// Refused: all experts one after the other, whose slices of one result make bufferization's analysis cubic in their
// number (128 of them took minutes); every expert on all tokens and a select, which is E / k times the work; a switch
// for each pick, which reads a weight for each token even where many tokens share it.
//
//===----------------------------------------------------------------------===//
#include "SplitExperts.h"
#include "MatchLinear.h"
#include "TensorLoops.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::fptq;
using Loops = SmallVector<unsigned>;
using Values = TensorLoops::Values;

/// The loop over one expert's picks, among those of the old op.
static constexpr unsigned kPicks = -1;

static Loops concat(std::initializer_list<ArrayRef<unsigned>> parts) {
  Loops result;
  for (ArrayRef<unsigned> part : parts)
    llvm::append_range(result, part);
  return result;
}

namespace {
/// What of a tensor is an expert's.
struct Part {
  SmallVector<OpFoldResult> offsets, sizes;
  RankedTensorType type; ///< maybe without the dimension of experts
};

/// How one expert is multiplied: the loops of the old op that the new one has, in its order, and maps from these.
struct Contraction {
  Loops loops;
  AffineMap xMap, resultMap;
};

/// One op that becomes many.
class Splitter {
public:
  Splitter(linalg::LinalgOp op, const ExpertsMatch &match)
      : op(op), match(match), init(op.getDpsInitOperand(0)->get()) {}

  Value routed(TensorLoops top, const ExpertRouting &routing);
  Value batched(TensorLoops top);
  SmallVector<linalg::LinalgOp> contractions;

private:
  Value weight(TensorLoops at, int64_t expert, ArrayRef<unsigned> loops, AffineMap &map);
  Value contract(TensorLoops at, const Contraction &how, Value x, int64_t expert, RankedTensorType type,
                 ValueRange dynamicSizes);
  Value switchTo(TensorLoops at, const Contraction &how, Value expert, Value x, Part in, Value result, Part out);

  linalg::LinalgOp op;
  const ExpertsMatch &match;
  Value init;
};
} // namespace

/// One weight of the stack, and the map from `loops` to its dimensions: those that one of them runs along.
Value Splitter::weight(TensorLoops at, int64_t expert, ArrayRef<unsigned> loops, AffineMap &map) {
  OpBuilder &b = at.b;
  auto type = cast<RankedTensorType>(match.stack.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0)), ones(type.getRank(), b.getIndexAttr(1)), sizes;
  offsets[match.expertDim] = b.getIndexAttr(expert);
  SmallVector<int64_t> shape;
  SmallVector<AffineExpr> dims;
  for (auto [d, expr] : llvm::enumerate(match.stackMap.getResults())) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    auto loop = dim ? llvm::find(loops, dim.getPosition()) : loops.end();
    sizes.push_back(b.getIndexAttr(loop == loops.end() ? 1 : type.getDimSize(d)));
    if (loop == loops.end())
      continue;
    shape.push_back(type.getDimSize(d));
    dims.push_back(b.getAffineDimExpr(loop - loops.begin()));
  }
  map = AffineMap::get(loops.size(), 0, dims, b.getContext());
  return tensor::ExtractSliceOp::create(b, at.loc, type.clone(shape), match.stack, offsets, sizes, ones);
}

/// `x` times an expert's weight.
Value Splitter::contract(TensorLoops at, const Contraction &how, Value x, int64_t expert, RankedTensorType type,
                         ValueRange dynamicSizes) {
  AffineMap weightMap;
  Value w = weight(at, expert, how.loops, weightMap);
  auto iterators = llvm::map_to_vector(how.loops, [&](unsigned loop) {
    bool inResult = loop == kPicks || match.resultMap.isFunctionOfDim(loop);
    return inResult ? utils::IteratorType::parallel : utils::IteratorType::reduction;
  });
  Type element = type.getElementType();
  Value zero = arith::ConstantOp::create(at.b, at.loc, at.b.getZeroAttr(element));
  Value empty = tensor::EmptyOp::create(at.b, at.loc, type, dynamicSizes);
  Value zeros = linalg::FillOp::create(at.b, at.loc, zero, empty).getResult(0);
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    auto factor = [&](Value value) -> Value {
      return value.getType() == element ? value : arith::ExtFOp::create(b, loc, element, value);
    };
    Value product = arith::MulFOp::create(b, loc, factor(args[0]), factor(args[1]));
    linalg::YieldOp::create(b, loc, arith::AddFOp::create(b, loc, args[2], product).getResult());
  };
  auto contraction =
      linalg::GenericOp::create(at.b, at.loc, type, ValueRange{x, w}, zeros,
                                ArrayRef<AffineMap>{how.xMap, weightMap, how.resultMap}, iterators, body);
  contractions.push_back(contraction);
  return contraction.getResult(0);
}

/// `result` with what `expert`, a run-time value, makes of its part of `x`.
Value Splitter::switchTo(TensorLoops at, const Contraction &how, Value expert, Value x, Part in, Value result,
                         Part out) {
  SmallVector<OpFoldResult> xOnes(in.sizes.size(), at.b.getIndexAttr(1)), ones(out.sizes.size(), at.b.getIndexAttr(1));
  Value mine = tensor::ExtractSliceOp::create(at.b, at.loc, in.type, x, in.offsets, in.sizes, xOnes);
  SmallVector<Value> dynamicSizes;
  for (OpFoldResult size : out.sizes)
    if (auto value = dyn_cast<Value>(size))
      dynamicSizes.push_back(value);
  // The default, which is walked first, is expert 0: layers are in order.
  SmallVector<int64_t> cases = llvm::to_vector(llvm::seq<int64_t>(1, match.numExperts()));
  auto choice = scf::IndexSwitchOp::create(at.b, at.loc, out.type, expert, cases, cases.size());
  for (auto [e, region] : llvm::enumerate(choice->getRegions())) {
    OpBuilder inner(at.b.getContext());
    inner.createBlock(&region);
    scf::YieldOp::create(inner, at.loc, contract({inner, at.loc}, how, mine, e, out.type, dynamicSizes));
  }
  return tensor::InsertSliceOp::create(at.b, at.loc, choice.getResult(0), result, out.offsets, out.sizes, ones);
}

//===----------------------------------------------------------------------===//
// Every expert has tokens of its own
//===----------------------------------------------------------------------===//

/// `map` without the dimension that runs along the picks, its loops numbered as they stand in `loops`.
static AffineMap mapWithout(AffineMap map, unsigned pick, ArrayRef<unsigned> loops) {
  SmallVector<AffineExpr> results;
  for (AffineExpr expr : map.getResults())
    if (unsigned loop = cast<AffineDimExpr>(expr).getPosition(); loop != pick)
      results.push_back(getAffineDimExpr(llvm::find(loops, loop) - loops.begin(), map.getContext()));
  return AffineMap::get(loops.size(), 0, results, map.getContext());
}

/// Place `expert` of dimension `dim`, and all of the others.
static Part partAt(TensorLoops at, Value tensor, unsigned dim, Value expert) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.erase(shape.begin() + dim);
  Part part{SmallVector<OpFoldResult>(type.getRank(), at.b.getIndexAttr(0)),
            tensor::getMixedSizes(at.b, at.loc, tensor), type.clone(shape)};
  part.offsets[dim] = expert;
  part.sizes[dim] = at.b.getIndexAttr(1);
  return part;
}

Value Splitter::batched(TensorLoops top) {
  unsigned pick = match.picks.front();
  Contraction how;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (loop != pick)
      how.loops.push_back(loop);
  how.xMap = mapWithout(match.xMap, pick, how.loops), how.resultMap = mapWithout(match.resultMap, pick, how.loops);
  Value result =
      tensor::EmptyOp::create(top.b, top.loc, tensor::getMixedSizes(top.b, top.loc, init), getElementTypeOrSelf(init));
  return top.nest(top.index(match.numExperts()), result, [&](TensorLoops at, ValueRange expert, ValueRange results) {
    Part in = partAt(at, match.x, *dimOf(match.xMap, pick), expert[0]);
    Part out = partAt(at, results[0], *dimOf(match.resultMap, pick), expert[0]);
    return Values{switchTo(at, how, expert[0], match.x, in, results[0], out)};
  })[0];
}

//===----------------------------------------------------------------------===//
// Tokens pick experts
//===----------------------------------------------------------------------===//

/// `count` rows of a tensor from `begin` on.
static Part rowsAt(TensorLoops at, Value tensor, Value begin, Value count) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = ShapedType::kDynamic;
  Part part{SmallVector<OpFoldResult>(type.getRank(), at.b.getIndexAttr(0)),
            tensor::getMixedSizes(at.b, at.loc, tensor), type.clone(shape)};
  part.offsets[0] = begin;
  part.sizes[0] = count;
  return part;
}

Value Splitter::routed(TensorLoops top, const ExpertRouting &routing) {
  Contraction how;
  how.loops = concat({{kPicks}, match.rows, match.columns, match.reductions});
  auto mapTo = [&](ArrayRef<unsigned> dims) {
    auto exprs = llvm::map_to_vector(
        dims, [&](unsigned loop) { return top.b.getAffineDimExpr(llvm::find(how.loops, loop) - how.loops.begin()); });
    return AffineMap::get(how.loops.size(), 0, exprs, top.b.getContext());
  };
  how.xMap = mapTo(concat({{kPicks}, match.rows, match.reductions}));
  how.resultMap = mapTo(concat({{kPicks}, match.rows, match.columns}));

  Value x = sortRows(top.b, top.loc, match, routing);
  SmallVector<OpFoldResult> sizes{tensor::getMixedSize(top.b, top.loc, x, 0)};
  for (unsigned loop : concat({match.rows, match.columns}))
    sizes.push_back(tensor::getMixedSize(top.b, top.loc, init, *dimOf(match.resultMap, loop)));
  Value empty = tensor::EmptyOp::create(top.b, top.loc, sizes, getElementTypeOrSelf(init));
  Value sorted = top.nest(top.index(match.numExperts()), empty, [&](TensorLoops at, ValueRange e, ValueRange results) {
    Value begin = at.load(routing.offsets, e), end = at.load(routing.offsets, at.add(e[0], at.index(1)));
    Value count = at.sub(end, begin), result = results[0];
    auto multiply = [&](OpBuilder &b, Location loc) {
      TensorLoops inner{b, loc};
      Part in = rowsAt(inner, x, begin, count), out = rowsAt(inner, result, begin, count);
      scf::YieldOp::create(b, loc, switchTo(inner, how, e[0], x, in, result, out));
    };
    auto nothing = [&](OpBuilder &b, Location loc) { scf::YieldOp::create(b, loc, result); };
    Value isPicked = at.compare(arith::CmpIPredicate::ne, count, at.index(0));
    return Values{scf::IfOp::create(at.b, at.loc, isPicked, multiply, nothing).getResult(0)};
  })[0];
  return bringBack(top.b, top.loc, match, routing, sorted, init);
}

/// What led to the weight, if nobody else reads it. The gather may hold asserts, which the routing has taken over.
static void eraseUnread(IRRewriter &rewriter, Value weight, linalg::GenericOp gather) {
  while (Operation *op = weight.getDefiningOp()) {
    if (!op->use_empty() || (op != gather && !isOpTriviallyDead(op)))
      return;
    weight = op->getOperand(0);
    rewriter.eraseOp(op);
    if (op == gather)
      return;
  }
}

SmallVector<linalg::LinalgOp> mlir::fptq::splitExperts(IRRewriter &rewriter, linalg::LinalgOp op,
                                                       const ExpertsMatch &match, ExpertRoutings &routings) {
  rewriter.setInsertionPoint(op);
  TensorLoops top{rewriter, op.getLoc()};
  Splitter splitter(op, match);
  Value y = match.gather ? splitter.routed(top, routings.get(rewriter, match)) : splitter.batched(top);
  Value init = op.getDpsInitOperand(0)->get();
  if (!isZero(init))
    y = arith::AddFOp::create(rewriter, op.getLoc(), y, init);
  SmallVector<Value> operands = op.getDpsInputs();
  rewriter.replaceOp(op, y);
  if (match.gather)
    for (Value operand : operands)
      if (operand != match.x)
        eraseUnread(rewriter, operand, match.gather);
  return splitter.contractions;
}
