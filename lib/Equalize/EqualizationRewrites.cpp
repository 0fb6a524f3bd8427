//===- EqualizationRewrites.cpp - s into the IR ---------------------------===//
#include "EqualizationRewrites.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::fptq;

static std::vector<float> reciprocals(ArrayRef<float> scales) {
  std::vector<float> result;
  for (float s : scales)
    result.push_back(1 / s);
  return result;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

std::string fptq::describe(const Absorber &absorber) {
  if (LinearOp producer = absorber.linear)
    return ("the rows of '" + producer.getLayer() + "'").str();
  StringRef name = constantName(absorber.constant->get());
  return name.empty() ? std::string("a constant") : ("'" + name + "'").str();
}

/// `values` rounded to the element type of `type`; null if one becomes infinite there (E6).
static DenseElementsAttr roundTo(RankedTensorType type, ArrayRef<float> values) {
  const llvm::fltSemantics &semantics = cast<FloatType>(type.getElementType()).getFloatSemantics();
  SmallVector<APFloat> rounded;
  for (float value : values) {
    bool losesInfo;
    rounded.emplace_back(value).convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
    if (!rounded.back().isFinite())
      return {};
  }
  return DenseElementsAttr::get(type, rounded);
}

/// The elements of `constant`, each divided by the scale of its channel. Null: see roundTo.
static FailureOr<DenseElementsAttr> divideConstant(Value constant, const ChannelMap &map, ArrayRef<float> scales,
                                                   const ParameterFiles &files, StringRef layer) {
  FailureOr<std::vector<float>> values = evaluateConstant(constant, files, layer);
  if (failed(values))
    return failure();
  auto type = cast<RankedTensorType>(constant.getType());
  for (auto [value, scale] : llvm::zip_equal(*values, map.spread(scales, type.getShape())))
    value /= scale;
  return roundTo(type, *values);
}

FailureOr<SmallVector<DenseElementsAttr>> fptq::divideConstants(EqualizationGroup &group, ArrayRef<float> scales,
                                                                const ParameterFiles &files) {
  SmallVector<DenseElementsAttr> results;
  for (const Absorber &absorber : group.plan.getAbsorbers()) {
    LinearOp producer = absorber.linear;
    Value constant = producer ? Value(producer.getBias()) : absorber.constant->get();
    FailureOr<DenseElementsAttr> divided = DenseElementsAttr();
    if (constant) {
      divided = divideConstant(constant, absorber.map, scales, files, group.equalized.front().getLayer());
      if (failed(divided))
        return failure();
      if (!*divided) {
        group.plan = FoldPlan::refused("(E6) " + describe(absorber) + " divided by s is not finite in its type");
        return SmallVector<DenseElementsAttr>();
      }
    }
    results.push_back(*divided);
  }
  return results;
}

//===----------------------------------------------------------------------===//
// Rewrites
//===----------------------------------------------------------------------===//

/// A vector constant at the head of the function around `op`, where every use is below it.
static Value createVector(Operation *op, ArrayRef<float> values) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  OpBuilder b = OpBuilder::atBlockBegin(function ? &function.getFunctionBody().front() : op->getBlock());
  auto type = RankedTensorType::get(values.size(), b.getF32Type());
  return arith::ConstantOp::create(b, op->getLoc(), DenseElementsAttr::get(type, values));
}

static void scaleWeight(LinearOp op, Value scales, int64_t dim) {
  OpBuilder b(op);
  op.getWeightMutable().assign(
      ScaleChannelsOp::create(b, op.getLoc(), op.getWeight(), scales, b.getI64IntegerAttr(dim)));
}

static void divideAbsorber(const Absorber &absorber, ArrayRef<float> inverse, DenseElementsAttr constant) {
  LinearOp producer = absorber.linear;
  Operation *owner = producer ? producer.getOperation() : absorber.constant->getOwner();
  OpBuilder b(owner);
  Value divided = constant ? arith::ConstantOp::create(b, owner->getLoc(), constant) : Value();
  if (!producer)
    return absorber.constant->set(divided);
  scaleWeight(producer, createVector(producer, absorber.map.spread(inverse, {producer.getOutputChannels()})), 0);
  if (divided)
    producer.getBiasMutable().assign(divided);
}

void fptq::divideAbsorbers(const FoldPlan &plan, ArrayRef<float> scales, ArrayRef<DenseElementsAttr> constants) {
  for (auto [absorber, constant] : llvm::zip_equal(plan.getAbsorbers(), constants))
    divideAbsorber(absorber, reciprocals(scales), constant);
}

void fptq::multiplyColumns(ArrayRef<LinearOp> layers, ArrayRef<float> scales) {
  Value columns = createVector(layers.front(), scales);
  for (LinearOp op : layers)
    scaleWeight(op, columns, 1);
}

void fptq::divideInputs(ArrayRef<LinearOp> layers, ArrayRef<float> scales) {
  Value factors = createVector(layers.front(), reciprocals(scales));
  llvm::SmallDenseMap<Value, Value> scaledOf;
  for (LinearOp op : layers) {
    Value x = op.getX();
    Value &scaled = scaledOf[x];
    if (!scaled) {
      OpBuilder b(op);
      b.setInsertionPointAfterValue(x);
      if (x.getParentBlock() == factors.getParentBlock() && isa<BlockArgument>(x))
        b.setInsertionPointAfterValue(factors);
      int64_t last = cast<ShapedType>(x.getType()).getRank() - 1;
      scaled = ScaleChannelsOp::create(b, op.getLoc(), x, factors, b.getI64IntegerAttr(last));
    }
    op.getXMutable().assign(scaled);
  }
}

void fptq::divideProfile(LinearOp op, ArrayRef<float> scales) {
  std::vector<float> absmax = floatElements(op.getChannelAbsmaxAttr());
  RangeAttr range = op.getRangeAttr();
  double clipped = 0, bound = 0;
  for (auto [m, s] : llvm::zip_equal(absmax, scales)) {
    if (range)
      clipped = std::max(clipped, std::min<double>(m, range.getAbsmax()) / s);
    m /= s;
    bound = std::max<double>(bound, m);
  }
  Builder b(op.getContext());
  op.setChannelAbsmaxAttr(
      DenseElementsAttr::get(RankedTensorType::get(absmax.size(), b.getF32Type()), ArrayRef<float>(absmax)));
  if (range && !op->hasAttr(FptqDialect::kRangeAttr))
    op->setAttr(FptqDialect::kRangeAttr, range); // reports show what the model does, not what equalization made of it
  if (range)
    op.setRangeAttr(RangeAttr::get(op.getContext(), range.getMin() < 0 ? -bound : 0.0, range.getMax() > 0 ? bound : 0.0,
                                   clipped, range.getTokens()));
}
