//===- LowerStableHLO.cpp - leftovers of StableHLO to scf -----------------===//
#include "LowerStableHLO.h"
#include "LowerTMTensor.h"
#include "ScalarTensors.h"
#include "fptq/Raise/StableHLO.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fptq;
using namespace mlir::fptq::stablehlo;
using Values = TensorLoops::Values;

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

/// Moves `from` to `to`, and ends it as scf does.
static void moveBranch(RewriterBase &rewriter, Region &from, Region &to) {
  to.takeBody(from);
  Operation *end = to.front().getTerminator();
  rewriter.setInsertionPoint(end);
  rewriter.replaceOpWithNewOp<scf::YieldOp>(end, end->getOperands());
}

static Value element(RewriterBase &rewriter, Location loc, Value tensor) {
  return tensor::ExtractOp::create(rewriter, loc, tensor, ValueRange());
}

static void lower(IRRewriter &rewriter, WhileOp op) {
  auto loop = scf::WhileOp::create(rewriter, op.getLoc(), op.getResultTypes(), op.getInits());
  moveBranch(rewriter, op.getBody(), loop.getAfter());
  loop.getBefore().takeBody(op.getCond());
  Operation *end = loop.getBeforeBody()->getTerminator();
  rewriter.setInsertionPoint(end);
  Value holds = element(rewriter, end->getLoc(), end->getOperand(0));
  rewriter.replaceOpWithNewOp<scf::ConditionOp>(end, holds, loop.getBeforeArguments());
  rewriter.replaceOp(op, loop);
}

static void lower(IRRewriter &rewriter, IfOp op) {
  Value holds = element(rewriter, op.getLoc(), op.getPred());
  auto branches = scf::IfOp::create(rewriter, op.getLoc(), op.getResultTypes(), holds, /*withElseRegion=*/true);
  moveBranch(rewriter, op.getTrueBranch(), branches.getThenRegion());
  moveBranch(rewriter, op.getFalseBranch(), branches.getElseRegion());
  rewriter.replaceOp(op, branches);
}

static void lower(IRRewriter &rewriter, CaseOp op) {
  Value index = element(rewriter, op.getLoc(), op.getIndex());
  index = arith::IndexCastOp::create(rewriter, op.getLoc(), rewriter.getIndexType(), index);
  auto numbers = llvm::to_vector(llvm::seq<int64_t>(0, op.getBranches().size() - 1));
  auto branches =
      scf::IndexSwitchOp::create(rewriter, op.getLoc(), op.getResultTypes(), index, numbers, numbers.size());
  for (auto [from, to] : llvm::zip(op.getBranches(), branches.getCaseRegions()))
    moveBranch(rewriter, from, to);
  moveBranch(rewriter, op.getBranches().back(), branches.getDefaultRegion());
  rewriter.replaceOp(op, branches);
}

static void lower(IRRewriter &rewriter, OptimizationBarrierOp op) { rewriter.replaceOp(op, op.getOperands()); }

//===----------------------------------------------------------------------===//
// Sorts
//===----------------------------------------------------------------------===//

/// What `region`, a function of tensors of rank 0, returns for these numbers.
static Value callOnNumbers(TensorLoops at, Region &region, ValueRange numbers) {
  Values tensors;
  for (Value number : numbers)
    tensors.push_back(
        tensor::FromElementsOp::create(at.b, at.loc, RankedTensorType::get({}, number.getType()), number));
  return at.load(at.call(region, tensors), {});
}

static void lower(IRRewriter &rewriter, SortOp op) {
  scalarizeTensors(rewriter, op.getComparator(), [](Type) { return true; });
  int64_t rank = cast<RankedTensorType>(op.getInputs()[0].getType()).getRank();
  int64_t dimension = op.getDimension(); // from the end, if negative
  dimension += dimension < 0 ? rank : 0;
  // The one in front stays unless the other is to come before it, so that equals keep their order.
  auto stays = [&](TensorLoops at, ValueRange elements) {
    Values swapped(elements);
    for (size_t i = 0; i < swapped.size(); i += 2)
      std::swap(swapped[i], swapped[i + 1]);
    return at.inverse(callOnNumbers(at, op.getComparator(), swapped));
  };
  rewriter.setInsertionPoint(op);
  rewriter.replaceOp(op, sortLines({rewriter, op.getLoc()}, op.getInputs(), dimension, stays));
}

/// In the order of `top_k`: `front` is NaN, or no less than `back`, which is none.
static Value isFirst(TensorLoops at, Value front, Value back) {
  if (isa<IntegerType>(front.getType()))
    return at.compare(arith::CmpIPredicate::sge, front, back);
  Value isNan = arith::CmpFOp::create(at.b, at.loc, arith::CmpFPredicate::UNO, front, front);
  return at.either(isNan, arith::CmpFOp::create(at.b, at.loc, arith::CmpFPredicate::OGE, front, back));
}

static void lower(IRRewriter &rewriter, chlo::TopKOp op) {
  TensorLoops top{rewriter, op.getLoc()};
  Value x = op.getOperand();
  auto type = cast<RankedTensorType>(x.getType());
  auto indexType = cast<RankedTensorType>(op.getIndices().getType()).getElementType();
  Values sizes = top.sizes(x), dynamic;
  for (auto [d, size] : llvm::enumerate(sizes))
    if (type.isDynamicDim(d))
      dynamic.push_back(size);
  Value places = tensor::EmptyOp::create(rewriter, op.getLoc(), type.clone(indexType), dynamic);
  places = top.nest(sizes, places, [&](TensorLoops at, ValueRange ivs, ValueRange places) {
    return Values{at.store(at.castTo(ivs.back(), indexType), places[0], ivs)};
  })[0];
  Values sorted = sortLines(top, {x, places}, type.getRank() - 1,
                            [](TensorLoops at, ValueRange elements) { return isFirst(at, elements[0], elements[1]); });
  SmallVector<OpFoldResult> zeros(type.getRank(), rewriter.getIndexAttr(0)),
      ones(type.getRank(), rewriter.getIndexAttr(1));
  SmallVector<OpFoldResult> firsts = tensor::getMixedSizes(rewriter, op.getLoc(), x);
  firsts.back() = rewriter.getIndexAttr(op.getK());
  for (auto [result, value] : llvm::zip_equal(op->getResults(), sorted))
    value = tensor::ExtractSliceOp::create(rewriter, op.getLoc(), cast<RankedTensorType>(result.getType()), value,
                                           zeros, firsts, ones);
  rewriter.replaceOp(op, sorted);
}

//===----------------------------------------------------------------------===//
// Scatters
//===----------------------------------------------------------------------===//

namespace {
/// Where an element of the updates goes: the corner of its window, and its place in the window.
struct ScatterPlace {
  Values corner, inWindow;
  Value isInside; ///< all of the window
};
} // namespace

static ScatterPlace placeOf(ScatterOp op, TensorLoops at, ValueRange ivs) {
  ScatterDimensionNumbersAttr n = op.getScatterDimensionNumbers();
  int64_t rank = cast<RankedTensorType>(op.getInput().getType()).getRank(), vector = n.getIndexVectorDim();
  Values indices; // of `scatter_indices`, but for its index_vector_dim
  for (auto [d, iv] : llvm::enumerate(ivs))
    if (!llvm::is_contained(n.getUpdateWindowDims(), d))
      indices.push_back(iv);
  ScatterPlace place{Values(rank, at.index(0)), Values(rank, at.index(0)), {}};
  for (auto [d, from] : llvm::zip_equal(n.getInputBatchingDims(), n.getScatterIndicesBatchingDims()))
    place.corner[d] = indices[from - (from > vector)];
  for (auto [entry, d] : llvm::enumerate(n.getScatterDimsToOperandDims())) {
    Values position = indices;
    if (vector < cast<RankedTensorType>(op.getScatterIndices().getType()).getRank())
      position.insert(position.begin() + vector, at.index(entry));
    place.corner[d] = at.castTo(at.load(op.getScatterIndices(), position), at.b.getIndexType());
  }
  place.isInside = arith::ConstantIntOp::create(at.b, at.loc, 1, 1);
  auto window = n.getUpdateWindowDims().begin();
  for (int64_t d = 0; d < rank; ++d) {
    Value last = at.size(op.getInput(), d); // corners from it on are outside; unsigned: a negative one is large
    if (!llvm::is_contained(n.getInsertedWindowDims(), d) && !llvm::is_contained(n.getInputBatchingDims(), d)) {
      place.inWindow[d] = ivs[*window];
      last = at.add(at.sub(last, at.size(op.getUpdates(), *window++)), at.index(1));
    }
    if (llvm::is_contained(n.getScatterDimsToOperandDims(), d))
      place.isInside = at.both(place.isInside, at.below(place.corner[d], last));
  }
  return place;
}

static void lower(IRRewriter &rewriter, ScatterOp op) {
  scalarizeTensors(rewriter, op.getUpdateComputation(), [](Type) { return true; });
  rewriter.setInsertionPoint(op);
  TensorLoops top{rewriter, op.getLoc()};
  auto updateOne = [&](TensorLoops at, ValueRange ivs, ValueRange out) {
    ScatterPlace place = placeOf(op, at, ivs);
    Values position; // of an update that is left out: any that exists
    for (auto [corner, inWindow] : llvm::zip_equal(place.corner, place.inWindow))
      position.push_back(at.select(place.isInside, at.add(corner, inWindow), inWindow));
    Value before = at.load(out[0], position);
    Value after = callOnNumbers(at, op.getUpdateComputation(), {before, at.load(op.getUpdates(), ivs)});
    return Values{at.store(at.select(place.isInside, after, before), out[0], position)};
  };
  rewriter.replaceOp(op, top.nest(top.sizes(op.getUpdates()), op.getInput(), updateOne));
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

static void lower(IRRewriter &rewriter, chlo::SquareOp op) {
  Value x = op.getOperand();
  if (isa<FloatType>(getElementTypeOrSelf(x)))
    rewriter.replaceOpWithNewOp<arith::MulFOp>(op, x, x);
  else
    rewriter.replaceOpWithNewOp<arith::MulIOp>(op, x, x);
}

static void lower(IRRewriter &rewriter, chlo::ErfOp op) {
  rewriter.replaceOpWithNewOp<math::ErfOp>(op, op.getOperand());
}

static void lower(IRRewriter &rewriter, chlo::ErfcOp op) {
  rewriter.replaceOpWithNewOp<math::ErfcOp>(op, op.getOperand());
}

//===----------------------------------------------------------------------===//

static Type signless(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getElementType().isUnsignedInteger()
             ? tensor.clone(IntegerType::get(type.getContext(), tensor.getElementTypeBitWidth()))
             : type;
}

bool mlir::fptq::isLeftOfStableHLO(Operation *op) {
  if (auto cast = dyn_cast<UnrealizedConversionCastOp>(op))
    return llvm::equal(llvm::map_range(cast.getOperandTypes(), signless), cast.getResultTypes()) ||
           llvm::equal(llvm::map_range(cast.getResultTypes(), signless), cast.getOperandTypes());
  return isa<WhileOp, IfOp, CaseOp, SortOp, ScatterOp, OptimizationBarrierOp, chlo::TopKOp, chlo::SquareOp, chlo::ErfOp,
             chlo::ErfcOp>(op);
}

/// Places of a scatter that have no sign, in types that have none either and hold them all.
static void widenPlaces(IRRewriter &rewriter, ScatterOp op) {
  auto type = cast<RankedTensorType>(op.getScatterIndices().getType());
  if (!type.getElementType().isUnsignedInteger() || type.getElementTypeBitWidth() >= 64)
    return;
  rewriter.setInsertionPoint(op);
  Value bits =
      UnrealizedConversionCastOp::create(rewriter, op.getLoc(), signless(type), op.getScatterIndices()).getResult(0);
  op.getScatterIndicesMutable().assign(
      arith::ExtUIOp::create(rewriter, op.getLoc(), type.clone(rewriter.getI64Type()), bits));
}

/// Arguments of functions, and what operations left here carry, have their signs, behind casts from and to the signless
/// types of all else. Nothing left here asks for signs but the places of a scatter: comparisons do, and are lowered.
static void dropSigns(IRRewriter &rewriter, ModuleOp module) {
  module.walk([](Operation *op) {
    for (Value result : op->getResults())
      result.setType(signless(result.getType()));
    for (Region &region : op->getRegions())
      for (BlockArgument argument : region.getArguments())
        argument.setType(signless(argument.getType()));
    if (auto function = dyn_cast<FunctionOpInterface>(op))
      function.setType(function.cloneTypeWith(llvm::map_to_vector(function.getArgumentTypes(), signless),
                                              llvm::map_to_vector(function.getResultTypes(), signless)));
  });
  module.walk([&](UnrealizedConversionCastOp cast) {
    if (cast->getOperandTypes() == cast->getResultTypes())
      rewriter.replaceOp(cast, cast.getOperands());
  });
}

void mlir::fptq::lowerStableHLO(ModuleOp module) {
  SmallVector<Operation *> ops; // what is inside of a loop before the loop
  module.walk([&](Operation *op) {
    if (isLeftOfStableHLO(op))
      ops.push_back(op);
  });
  IRRewriter rewriter(module.getContext());
  for (Operation *op : ops)
    if (auto scatter = dyn_cast<ScatterOp>(op))
      widenPlaces(rewriter, scatter);
  dropSigns(rewriter, module);
  for (Operation *op : ops) {
    rewriter.setInsertionPoint(op);
    llvm::TypeSwitch<Operation *>(op)
        .Case<WhileOp, IfOp, CaseOp, SortOp, ScatterOp, OptimizationBarrierOp, chlo::TopKOp, chlo::SquareOp,
              chlo::ErfOp, chlo::ErfcOp>([&](auto found) { lower(rewriter, found); });
  }
}
