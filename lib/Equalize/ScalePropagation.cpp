//===- ScalePropagation.cpp - who can take a channel scale ----------------===//
#include "fptq/Equalize/ScalePropagation.h"
#include "PayloadWalk.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::fptq;

static FoldPlan intoOperand(OpOperand &use, const ChannelMap &map);

static std::string quoted(Operation *op) { return ("'" + op->getName().getStringRef() + "'").str(); }

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

/// A linalg op whose body hands its one input on, at most converted to another float type.
static OpOperand *copiedOperand(linalg::LinalgOp op) {
  if (op->getNumResults() != 1)
    return nullptr;
  Value scalar = op.getBlock()->getTerminator()->getOperand(0);
  if (Operation *cast = scalar.getDefiningOp(); isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(cast))
    scalar = cast->getOperand(0);
  auto argument = dyn_cast<BlockArgument>(scalar);
  return argument && argument.getOwner() == op.getBlock() ? op.getMatchingOpOperand(argument) : nullptr;
}

static ViewStep stepThroughCopy(linalg::LinalgOp op, const ChannelMap &map) {
  OpOperand *operand = copiedOperand(op);
  if (!operand || op.isDpsInit(operand))
    return {};
  AffineMap from = op.getIndexingMapMatchingResult(op->getResult(0)), to = op.getMatchingIndexingMap(operand);
  if (!from.isPermutation() || !to.isPermutation())
    return {};
  return {operand, map.renameDims([&](int64_t dim) -> std::optional<int64_t> {
            return *to.getResultPosition(from.getResult(dim));
          })};
}

static ViewStep stepThroughReshape(Operation *op, const ChannelMap &map) {
  auto from = cast<ShapedType>(op->getResult(0).getType()), to = cast<ShapedType>(op->getOperand(0).getType());
  if (auto moved = map.reshape(from.getShape(), to.getShape()))
    return {&op->getOpOperand(0), *moved};
  return {};
}

ViewStep fptq::stepThroughView(Value value, const ChannelMap &map) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ReshapeOp>(op))
    return stepThroughReshape(op, map);
  if (isa_and_nonnull<tensor::CastOp, arith::ExtFOp, arith::TruncFOp>(op))
    return {&op->getOpOperand(0), map};
  if (auto linalgOp = dyn_cast_if_present<linalg::LinalgOp>(op))
    return stepThroughCopy(linalgOp, map);
  return {};
}

bool fptq::readsElements(OpOperand &use) {
  if (isa<tensor::DimOp>(use.getOwner()) || isOpTriviallyDead(use.getOwner()))
    return false;
  auto op = dyn_cast<linalg::LinalgOp>(use.getOwner());
  return !op || op.payloadUsesValueFromOperand(&use);
}

//===----------------------------------------------------------------------===//
// Absorbers
//===----------------------------------------------------------------------===//

/// A constant that holds each channel once. Broadcasts of one are not: the walk goes on to what they
/// repeat, so that gamma stays as small as it was.
static bool isSmallestConstant(Value value, const ChannelMap &map) {
  auto type = cast<ShapedType>(value.getType());
  if (!isConstantChain(value) || !type.hasStaticShape())
    return false;
  return type.getNumElements() == map.numClasses() || matchPattern(value, m_Constant()) ||
         value.getDefiningOp<ml_program::GlobalLoadConstOp>();
}

static FoldPlan intoLinear(LinearOp op, const ChannelMap &map) {
  int64_t last = op.getType().getRank() - 1;
  if (llvm::any_of(map.getAxes(), [&](const ChannelAxis &axis) { return axis.dim && *axis.dim != last; }))
    return FoldPlan::refused("(E2) the channels are rows of the input of layer '" + op.getLayer() + "'");
  if (!isConstantChain(op.getWeight()) || (op.getBias() && !isConstantChain(op.getBias())))
    return FoldPlan::refused("(E4) weight or bias of layer '" + op.getLayer() + "' is no constant");
  if (op.getWeight().getDefiningOp<DequantizeOp>())
    return FoldPlan::refused("(E4) the weight of layer '" + op.getLayer() + "' came as codes, which take no scales");
  return FoldPlan::into({nullptr, op, map.renameDims([](int64_t) { return 0; })});
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

static FoldPlan throughSlice(tensor::ExtractSliceOp op, const ChannelMap &map) {
  // Result dimensions are the source's without those the slice drops.
  SmallVector<int64_t> sourceDim;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (int64_t d = 0, rank = op.getSourceType().getRank(); d < rank; ++d)
    if (!dropped.test(d))
      sourceDim.push_back(d);
  for (const ChannelAxis &axis : map.getAxes())
    if (axis.dim && op.getType().getDimSize(*axis.dim) != op.getSourceType().getDimSize(sourceDim[*axis.dim]))
      return FoldPlan::refused("(E2) the channels are a slice of a wider tensor");
  return intoOperand(op.getSourceMutable(),
                     map.renameDims([&](int64_t dim) -> std::optional<int64_t> { return sourceDim[dim]; }));
}

/// Zeros stay zeros.
static FoldPlan throughPad(tensor::PadOp op, const ChannelMap &map) {
  Value padding = op.getConstantPaddingValue();
  if (!padding || !matchPattern(padding, m_AnyZeroFloat()))
    return FoldPlan::refused("(E2) " + quoted(op) + " adds something else than zeros");
  for (const ChannelAxis &axis : map.getAxes())
    if (axis.dim && (op.getStaticLow()[*axis.dim] != 0 || op.getStaticHigh()[*axis.dim] != 0))
      return FoldPlan::refused("(E2) " + quoted(op) + " adds channels");
  return intoOperand(op.getSourceMutable(), map);
}

static FoldPlan intoProducer(Value value, const ChannelMap &map) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function = dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    return FoldPlan::refused("(E4) it comes from argument " + Twine(argument.getArgNumber()) + " of " +
                             (function ? "'" + function.getName().str() + "'" : "a region"));
  }
  if (ViewStep step = stepThroughView(value, map); step.operand)
    return intoOperand(*step.operand, step.map);
  return TypeSwitch<Operation *, FoldPlan>(value.getDefiningOp())
      .Case([&](LinearOp op) { return intoLinear(op, map); })
      .Case([&](linalg::LinalgOp op) { return planThroughPayload(op, cast<OpResult>(value), map, intoOperand); })
      .Case([&](tensor::ExtractSliceOp op) { return throughSlice(op, map); })
      .Case([&](tensor::PadOp op) { return throughPad(op, map); })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ReshapeOp>(
          [&](Operation *op) { return FoldPlan::refused("(E2) " + quoted(op) + " cuts the channels apart"); })
      .Default([&](Operation *op) {
        return FoldPlan::refused("(E2) " + quoted(op) + " is not linear, or not known to be");
      });
}

/// Gives `use` its own copy of the op that makes its value.
static void copyForUse(OpOperand &use) {
  Operation *producer = use.get().getDefiningOp();
  unsigned result = cast<OpResult>(use.get()).getResultNumber();
  use.set(OpBuilder(producer).clone(*producer)->getResult(result));
}

static FoldPlan intoOperand(OpOperand &use, const ChannelMap &map) {
  Value value = use.get();
  if (isZero(value))
    return FoldPlan::nothing();
  if (map.numClasses() == 1 && map.numChannels() != 1)
    return FoldPlan::refused("(E5) the operand is one number for all channels");
  if (isSmallestConstant(value, map))
    return FoldPlan::into({&use, {}, map});
  for (OpOperand &other : value.getUses()) {
    if (&other == &use || !readsElements(other))
      continue;
    if (!isConstantChain(value))
      return FoldPlan::refused("(E3) " + quoted(other.getOwner()) + " reads it too");
    copyForUse(use);
    break;
  }
  return intoProducer(use.get(), map);
}

FoldPlan fptq::planFold(Value value, const ChannelMap &map) { return intoProducer(value, map); }
