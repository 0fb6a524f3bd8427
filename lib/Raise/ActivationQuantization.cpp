//===- ActivationQuantization.cpp - quantize-dequantize of an input -------===//
//
// PT2E graphs through torch-mlir: divide by the scale, math.roundeven, add the zero point, clamp, fptosi to i8; then
// sitofp, subtract, multiply; each in a generic of its own or fused. Walked from the result to x, a step at a time;
// what stands in no expected place ends the walk.
//
//===----------------------------------------------------------------------===//
#include "ActivationQuantization.h"
#include "MatchLinear.h"
#include "fptq/Support/ParallelLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::fptq;

/// An elementwise op on whole tensors, every index of the result read where it is written.
static bool isElementwise(linalg::LinalgOp op) {
  return op.getNumDpsInits() == 1 && !op.getNumReductionLoops() && op.hasPureTensorSemantics() &&
         op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity();
}

/// The scalar that makes an element of `value`: through block arguments to the op before.
static Value resolve(Value value) {
  while (true) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      auto op = dyn_cast_or_null<linalg::LinalgOp>(argument.getOwner()->getParentOp());
      if (!op || !isElementwise(op))
        return value;
      OpOperand *operand = op.getMatchingOpOperand(argument);
      if (!op.isDpsInput(operand) || !op.getMatchingIndexingMap(operand).isIdentity())
        return value;
      value = operand->get();
      continue;
    }
    auto op = value.getDefiningOp<linalg::LinalgOp>();
    if (!op || !isElementwise(op))
      return value;
    Value yielded = op.getBlock()->getTerminator()->getOperand(0);
    if (isa<BlockArgument>(yielded) && resolve(yielded) == yielded)
      return value; // a broadcast or a fill: nothing this walk looks through
    value = yielded;
  }
}

/// The number that `value` is for every element.
static std::optional<double> number(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) { // a scalar or a tensor of one element as operand
    auto op = dyn_cast_or_null<linalg::LinalgOp>(argument.getOwner()->getParentOp());
    if (!op || !op.isDpsInput(op.getMatchingOpOperand(argument)))
      return std::nullopt;
    value = op.getMatchingOpOperand(argument)->get();
  }
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp, arith::ExtSIOp, arith::TruncIOp, tensor::ExtractOp>(op))
      break;
    value = op->getOperand(0);
  }
  Attribute constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return std::nullopt;
  if (auto dense = dyn_cast<DenseElementsAttr>(constant); dense && dense.isSplat())
    constant = dense.getSplatValue<Attribute>();
  if (auto f = dyn_cast<FloatAttr>(constant))
    return f.getValueAsDouble();
  if (auto i = dyn_cast<IntegerAttr>(constant))
    return (double)i.getValue().getSExtValue();
  return std::nullopt;
}

/// Whether the comparison asks for its first operand to be the lesser (or the greater) one; nothing for others.
static std::optional<bool> asksForLess(Operation *compare) {
  if (auto floats = dyn_cast<arith::CmpFOp>(compare)) {
    using P = arith::CmpFPredicate;
    if (llvm::is_contained({P::OLT, P::ULT, P::OLE, P::ULE}, floats.getPredicate()))
      return true;
    if (llvm::is_contained({P::OGT, P::UGT, P::OGE, P::UGE}, floats.getPredicate()))
      return false;
  } else if (auto integers = dyn_cast<arith::CmpIOp>(compare)) {
    using P = arith::CmpIPredicate;
    if (llvm::is_contained({P::slt, P::sle}, integers.getPredicate()))
      return true;
    if (llvm::is_contained({P::sgt, P::sge}, integers.getPredicate()))
      return false;
  }
  return std::nullopt;
}

namespace {
/// One side of a clamp.
struct Bound {
  double value;
  bool isUpper;
};

/// Walks from the result to x; each `take` consumes one step if it is there.
class Walk {
public:
  explicit Walk(Value value) : operand(value), at(resolve(value)) {}

  /// The tensor that the last step read.
  Value tensor() const {
    auto argument = dyn_cast<BlockArgument>(operand);
    auto op = argument ? dyn_cast_or_null<linalg::LinalgOp>(argument.getOwner()->getParentOp()) : linalg::LinalgOp();
    return op && isElementwise(op) ? op.getMatchingOpOperand(argument)->get() : operand;
  }
  /// op(value, number) in either order if `Op` commutes.
  template <typename... Ops> std::optional<double> take(bool commutes) {
    Operation *op = at.getDefiningOp();
    if (!isa_and_nonnull<Ops...>(op))
      return std::nullopt;
    for (int side : {1, 0}) {
      std::optional<double> constant = number(op->getOperand(side));
      if (!constant || (side == 0 && !commutes))
        continue;
      operand = op->getOperand(1 - side);
      at = resolve(operand);
      return constant;
    }
    return std::nullopt;
  }
  template <typename... Ops> bool skip() {
    bool any = false;
    while (Operation *op = at.getDefiningOp()) {
      if (!isa<Ops...>(op))
        break;
      operand = op->getOperand(0);
      at = resolve(operand);
      any = true;
    }
    return any;
  }
  /// A bound by minimum or maximum, or by select(compare(v, bound), bound, v) with the pairs in either order.
  std::optional<Bound> takeBound() {
    if (auto lower = take<arith::MaximumFOp, arith::MaxNumFOp, arith::MaxSIOp>(true))
      return Bound{*lower, /*isUpper=*/false};
    if (auto upper = take<arith::MinimumFOp, arith::MinNumFOp, arith::MinSIOp>(true))
      return Bound{*upper, /*isUpper=*/true};
    return takeSelect();
  }

  /// The bounds that stand here narrow `low` and `high`.
  void takeBounds(double &low, double &high) {
    while (std::optional<Bound> bound = takeBound())
      bound->isUpper ? high = std::min(high, bound->value) : low = std::max(low, bound->value);
  }

private:
  std::optional<Bound> takeSelect() {
    auto select = at.getDefiningOp<arith::SelectOp>();
    Operation *compare = select ? select.getCondition().getDefiningOp() : nullptr;
    std::optional<bool> less = compare ? asksForLess(compare) : std::nullopt;
    if (!less)
      return std::nullopt;
    for (bool boundIfTrue : {true, false}) {
      Value bound = boundIfTrue ? select.getTrueValue() : select.getFalseValue();
      Value other = resolve(boundIfTrue ? select.getFalseValue() : select.getTrueValue());
      std::optional<double> constant = number(bound);
      if (!constant)
        continue;
      auto compares = [&](int value, int limit) {
        return resolve(compare->getOperand(value)) == other && number(compare->getOperand(limit)) == constant;
      };
      bool reversed = compares(1, 0);
      if (!reversed && !compares(0, 1))
        continue; // a choice, but no clamp
      at = other;
      return Bound{*constant, /*isUpper=*/boundIfTrue != (*less != reversed)};
    }
    return std::nullopt;
  }

  Value operand, at; ///< as read, and the scalar that makes it
};
} // namespace

/// x / scale, or x times its reciprocal, which was rounded once.
static bool takeDivision(Walk &walk, double scale) {
  if (auto divisor = walk.take<arith::DivFOp>(false))
    return *divisor == scale;
  double factor = walk.take<arith::MulFOp>(true).value_or(1);
  return std::abs(factor * scale - 1) <= 1e-6;
}

std::optional<ActivationQuantization> mlir::fptq::matchActivationQuantization(Value value) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  ActivationQuantization found;
  Walk walk(value);
  found.scale = walk.take<arith::MulFOp>(true).value_or(1); // canonicalization folds a scale of 1
  if (!(found.scale > 0))
    return std::nullopt;
  std::optional<double> zeroF = walk.take<arith::SubFOp>(false);
  walk.skip<arith::SIToFPOp, arith::ExtSIOp, arith::TruncIOp>();
  std::optional<double> zeroI = walk.take<arith::SubIOp>(false);
  found.zero = zeroF.value_or(zeroI.value_or(0));
  walk.skip<arith::ExtSIOp, arith::TruncIOp>();
  found.low = -infinity, found.high = infinity;
  walk.takeBounds(found.low, found.high);
  walk.skip<arith::TruncIOp, arith::FPToSIOp>();
  walk.takeBounds(found.low, found.high);
  double added = walk.take<arith::AddFOp>(true).value_or(0);
  if (added != found.zero || !walk.skip<math::RoundEvenOp>() || !takeDivision(walk, found.scale))
    return std::nullopt;
  found.x = walk.tensor();
  bool bounded = std::isfinite(found.low) && std::isfinite(found.high) && found.low < found.high;
  if (!bounded || found.x.getType() != value.getType())
    return std::nullopt;
  return found;
}

/// What quantization commutes with: elements are moved or copied (windows of a convolution), and zeros put beside them.
static bool onlyMoves(Operation *op) {
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    Value padding = pad.getConstantPaddingValue();
    return padding && matchPattern(padding, m_AnyZeroFloat());
  }
  if (auto copy = dyn_cast<linalg::LinalgOp>(op))
    return copy.getNumDpsInputs() == 1 && copy->getNumResults() == 1 && !copy.getNumReductionLoops() &&
           copy.getBlock()->getTerminator()->getOperand(0) == copy.getBlock()->getArgument(0);
  return isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp>(op);
}

Value mlir::fptq::withoutQuantization(OpBuilder &b, Value x, ActivationQuantization &found) {
  if (auto match = matchActivationQuantization(x)) {
    found = *match;
    return found.x;
  }
  Operation *op = x.getDefiningOp();
  if (!op || !onlyMoves(op))
    return {};
  Value source = withoutQuantization(b, op->getOperand(0), found);
  if (!source)
    return {};
  IRMapping mapping;
  mapping.map(op->getOperand(0), source);
  return b.clone(*op, mapping)->getResult(0);
}

FailureOr<Value> mlir::fptq::emitActivationQuantization(OpBuilder &b, quant::DequantizeCastOp op) {
  auto quantize = op.getInput().getDefiningOp<quant::QuantizeCastOp>();
  auto type = dyn_cast<quant::UniformQuantizedType>(getElementTypeOrSelf(op.getInput().getType()));
  auto tensor = dyn_cast<RankedTensorType>(op.getType());
  if (!quantize || !type || !tensor || quantize.getInput().getType() != tensor)
    return failure();
  Location loc = op.getLoc();
  Value x = quantize.getInput();
  Value init = tensor::EmptyOp::create(b, loc, tensor::getMixedSizes(b, loc, x), tensor.getElementType());
  AffineMap identity = b.getMultiDimIdentityMap(tensor.getRank());
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    auto constant = [&](double v) -> Value {
      return arith::ConstantOp::create(b, loc, b.getFloatAttr(tensor.getElementType(), v));
    };
    Value scale = constant(type.getScale()), zero = constant(type.getZeroPoint());
    Value v = math::RoundEvenOp::create(b, loc, arith::DivFOp::create(b, loc, args[0], scale));
    v = arith::AddFOp::create(b, loc, v, zero);
    v = arith::MaximumFOp::create(b, loc, v, constant(type.getStorageTypeMin()));
    v = arith::MinimumFOp::create(b, loc, v, constant(type.getStorageTypeMax()));
    v = arith::SubFOp::create(b, loc, v, zero);
    linalg::YieldOp::create(b, loc, arith::MulFOp::create(b, loc, v, scale).getResult());
  };
  return linalg::GenericOp::create(b, loc, tensor, x, init, ArrayRef<AffineMap>{identity, identity},
                                   parallelLoops(tensor.getRank()), body)
      .getResult(0);
}
