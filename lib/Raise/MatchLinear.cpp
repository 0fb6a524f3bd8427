//===- MatchLinear.cpp - is this contraction a linear layer? --------------===//
//
// Named ops are not looked at: what decides is which loops each operand runs along. Attention's
// products are contractions too; neither of their operands reaches a constant.
//
//===----------------------------------------------------------------------===//
#include "MatchLinear.h"
#include "CopiedWindows.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Raise/ComputedWeight.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::fptq;

static Value skipExtensions(Value value) {
  while (auto extension = value.getDefiningOp<arith::ExtFOp>())
    value = extension.getIn();
  return value;
}

bool mlir::fptq::isMultiplyAccumulate(linalg::LinalgOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || !op.getNumReductionLoops())
    return false;
  Block *body = op.getBlock();
  Value a = body->getArgument(0), b = body->getArgument(1), sum = body->getArgument(2);
  auto areFactors = [&](Value left, Value right) {
    left = skipExtensions(left), right = skipExtensions(right);
    return (left == a && right == b) || (left == b && right == a);
  };
  Operation *add = body->getTerminator()->getOperand(0).getDefiningOp();
  if (auto fma = dyn_cast_if_present<math::FmaOp>(add))
    return fma.getC() == sum && areFactors(fma.getA(), fma.getB());
  if (!isa_and_nonnull<arith::AddFOp, arith::AddIOp>(add))
    return false;
  for (auto [accumulator, term] :
       {std::pair(add->getOperand(0), add->getOperand(1)), std::pair(add->getOperand(1), add->getOperand(0))}) {
    Operation *product = term.getDefiningOp();
    if (accumulator != sum || !isa_and_nonnull<arith::MulFOp, arith::MulIOp>(product))
      continue;
    if (areFactors(product->getOperand(0), product->getOperand(1)))
      return true;
    if (isa<arith::MulIOp>(product))
      return true; // integer widening casts: told apart by type afterwards
  }
  return false;
}

Value mlir::fptq::lookThroughMove(Value value, AffineMap &map) {
  auto op = value.getDefiningOp<linalg::LinalgOp>();
  if (!op || op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 || op.getNumReductionLoops() ||
      !op.hasPureTensorSemantics())
    return {};
  if (op.getBlock()->getTerminator()->getOperand(0) != op.getBlock()->getArgument(0))
    return {};
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0)),
            in = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
  if (!out.isPermutation() || !in.isProjectedPermutation(/*allowZeroInResults=*/true))
    return {};
  map = in.compose(inversePermutation(out));
  return op.getDpsInputOperand(0)->get();
}

Value mlir::fptq::lookThroughExtension(Value value) {
  if (auto extension = value.getDefiningOp<arith::ExtFOp>())
    return extension.getIn();
  auto op = value.getDefiningOp<linalg::GenericOp>();
  if (!op || op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 || op.getNumReductionLoops())
    return value;
  auto extension = op.getBlock()->getTerminator()->getOperand(0).getDefiningOp<arith::ExtFOp>();
  bool plain = extension && extension.getIn() == op.getBlock()->getArgument(0) &&
               llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) { return map.isIdentity(); });
  return plain ? op.getDpsInputOperand(0)->get() : value;
}

Value mlir::fptq::peelWeight(Value weight, AffineMap &map) {
  while (true) {
    AffineMap move;
    // Of a weight that came as codes the codes count, not the float16 that its product is rounded to.
    if (auto rounded = weight.getDefiningOp<arith::TruncFOp>()) {
      AffineMap below = map;
      if (Value codes = peelWeight(rounded.getIn(), below); codes.getDefiningOp<DequantizeOp>())
        return map = below, codes;
    }
    if (Value below = lookThroughMove(weight, move)) {
      map = move.compose(map);
      weight = below;
    } else if (Value below = lookThroughExtension(weight); below != weight) {
      weight = below;
    } else {
      return weight;
    }
  }
}

bool mlir::fptq::cameAsCodes(Value weight) {
  while (Operation *op = weight.getDefiningOp()) {
    if (isa<DequantizeOp>(op))
      return true;
    if (op->getNumOperands() == 0)
      return false;
    weight = op->getOperand(0);
  }
  return false;
}

/// A part of a constant, or one of two, that is chosen when the model runs.
static bool isChosenConstant(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto select = dyn_cast<arith::SelectOp>(op))
      return isConstantChain(select.getTrueValue()) && isConstantChain(select.getFalseValue());
    if (!isa<tensor::ExtractSliceOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp>(op))
      return false;
    value = op->getOperand(0);
    if (isConstantChain(value))
      return true;
  }
  return false;
}

bool mlir::fptq::isFloatTensor(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && (type.getElementType().isF32() || type.getElementType().isF16() || type.getElementType().isBF16());
}

bool mlir::fptq::isOneNumber(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return !type || type.getRank() == 0;
}

bool mlir::fptq::hasOneInputChannel(linalg::LinalgOp op) {
  SmallVector<unsigned> loops;
  op.getReductionDims(loops);
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  return llvm::all_of(loops, [&](unsigned loop) { return extents[loop] == 1; });
}

bool mlir::fptq::differsAlongBatch(linalg::LinalgOp op, OpOperand *factor, AffineMap map) {
  OpOperand *other = op.getDpsInputOperand(1 - factor->getOperandNumber());
  AffineMap otherMap = op.getMatchingIndexingMap(other), result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  for (auto [loop, extent] : llvm::enumerate(op.getStaticLoopRanges()))
    if (extent != 1 && map.isFunctionOfDim(loop) && otherMap.isFunctionOfDim(loop) && result.isFunctionOfDim(loop))
      return true;
  return false;
}

/// Sorts the loops; false if the weight differs along a loop that x has too (a true batch).
static bool sortLoops(LinearMatch &match, unsigned loops, ArrayRef<int64_t> extents) {
  auto uses = [](AffineMap map, unsigned loop) { return map.isFunctionOfDim(loop); };
  for (AffineExpr result : match.resultMap.getResults()) {
    unsigned loop = cast<AffineDimExpr>(result).getPosition();
    bool inX = uses(match.xMap, loop), inWeight = uses(match.weightMap, loop);
    if (inX && inWeight && extents[loop] != 1)
      return false;
    // A unit batch counts as a row: the weight's unit dimension is dropped when it is reshaped.
    (inWeight && !inX ? match.columns : match.rows).push_back(loop);
  }
  for (unsigned loop = 0; loop < loops; ++loop)
    if (!uses(match.resultMap, loop) && (uses(match.xMap, loop) || extents[loop] != 1)) // else the kernel's size is 1
      match.reductions.push_back(loop);
  return llvm::all_of(match.reductions,
                      [&](unsigned loop) { return uses(match.xMap, loop) && uses(match.weightMap, loop); });
}

std::optional<unsigned> mlir::fptq::dimOf(AffineMap map, unsigned loop) {
  return map.getResultPosition(getAffineDimExpr(loop, map.getContext()));
}

FailureOr<LinearMatch> mlir::fptq::matchLinear(linalg::LinalgOp op, NoLinear &why) {
  why = {};
  auto no = [&](StringRef reason) { return why.reason = reason, failure(); };
  auto layer = [&](StringRef reason) { return why.isLayer = true, why.reason = reason, failure(); };
  if (!op.hasPureTensorSemantics() || !isMultiplyAccumulate(op))
    return failure();
  auto maps = op.getIndexingMapsArray();
  OpOperand *inputs[] = {op.getDpsInputOperand(0), op.getDpsInputOperand(1)};
  int weightSide = -1;
  AffineMap weightMap;
  Value weight;
  bool chosen = false, computed = false, spread = false;
  for (int side : {1, 0}) {
    AffineMap map = maps[side];
    Value below = peelWeight(inputs[side]->get(), map);
    if (!isConstantChain(below)) {
      bool isLayers = !isOneNumber(below) && !differsAlongBatch(op, inputs[side], map);
      chosen |= isLayers && isChosenConstant(below);
      computed |= isLayers && isComputedFromConstants(below);
      spread |= isOneNumber(below);
      if (chosen || computed)
        why.weight = below;
      continue;
    }
    if (weightSide >= 0)
      return no("both operands are constant");
    weightSide = side, weightMap = map, weight = below;
  }
  static constexpr StringLiteral oneChannel =
      "it has one input channel: an outer product (frequencies times positions), where quantization saves nothing";
  if (weightSide < 0 && (computed || chosen) && hasOneInputChannel(op))
    return no(oneChannel);
  if (weightSide < 0 && computed)
    return layer(
        "its weight is computed from constants in a way that was not evaluated (from integers, with effects, in types "
        "that cannot be compiled, or in too many operations): compute it before the export");
  if (weightSide < 0 && chosen)
    return layer(
        "its weight is a part of a constant, or one of two, that is chosen when the model runs, in no loop that "
        "fptq-unroll-layers unrolls: choose it before the export");
  if (weightSide < 0 && spread)
    return no("an operand is one number for all (a sum or a mean)");
  if (weightSide < 0)
    return no("no operand is constant (a product of two activations)");
  if (!maps[weightSide].isProjectedPermutation() || !maps[2].isProjectedPermutation())
    return no("an operand is not indexed by plain loops");
  LinearMatch match;
  match.extents = op.getStaticLoopRanges();
  FailureOr<AffineMap> xMap = matchWindows(maps[1 - weightSide], maps[2], match.extents, match.windows);
  match.overlap = failed(xMap);
  if (match.overlap && !readsWindows(maps[1 - weightSide]))
    return no("its input is not read at sums of loops");
  match.x = lookThroughExtension(inputs[1 - weightSide]->get());
  match.xMap = match.overlap ? maps[1 - weightSide] : *xMap, match.weight = weight, match.weightMap = weightMap,
  match.resultMap = maps[2];
  if (!isFloatTensor(match.x) || !isFloatTensor(weight) || !isFloatTensor(op->getResult(0))) {
    why.weight = weight;
    StringRef reason = "its element types are not f32, f16 or bf16";
    return isa<FloatType>(getElementTypeOrSelf(weight)) ? layer(reason) : no(reason);
  }
  if (llvm::is_contained(match.extents, 0) ||
      llvm::is_contained(cast<RankedTensorType>(weight.getType()).getShape(), 0))
    return no("it has a dimension of size 0");
  if (!sortLoops(match, op.getNumLoops(), match.extents))
    return no("the weight differs along a batch dimension");
  if (match.columns.empty() || match.reductions.empty())
    return no("it has no output or no input channels of its own");
  if (hasOneInputChannel(op))
    return no(oneChannel);
  if (match.overlap && isTooLargeToCopy(match.xMap, match.extents))
    return layer("windows of its input overlap, and a copy of them all would take more than 256 MiB");
  if (match.overlap && !cameAsCodes(weight)) // groups of codes lie along K as it is
    putChannelsLast(match.xMap, match.reductions);
  return match;
}
