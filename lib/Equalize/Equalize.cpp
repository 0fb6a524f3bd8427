//===- Equalize.cpp - fptq-equalize ---------------------------------------===//
#include "EqualizationGroups.h"
#include "fptq/Equalize/EqualizationScales.h"
#include "fptq/Equalize/Passes.h"
#include "fptq/Support/Parameters.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/IntEqClasses.h"

#include <cmath>

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQEQUALIZEPASS
#include "fptq/Equalize/Passes.h.inc"

namespace {
using Family = ArrayRef<EqualizationGroup *>;

struct FptqEqualizePass : impl::FptqEqualizePassBase<FptqEqualizePass> {
  using Base::Base;
  void runOnOperation() override;

private:
  FailureOr<EqualizationOptions> readOptions();
  FailureOr<SmallVector<LinearOp>> collectLayers();
  LogicalResult equalize(Family family, const EqualizationOptions &options, const ParameterFiles &files);
  void apply(EqualizationGroup &group, ArrayRef<float> scales, ArrayRef<DenseElementsAttr> constants);
};
} // namespace

//===----------------------------------------------------------------------===//
// Input
//===----------------------------------------------------------------------===//

FailureOr<EqualizationOptions> FptqEqualizePass::readOptions() {
  auto refuse = [&](StringRef option, const Twine &value, StringRef expected) {
    return getOperation().emitError() << "fptq-equalize: option " << option << "=" << value << " is not " << expected;
  };
  auto formulaOf = parseEqualizationFormula(formula);
  if (!formulaOf)
    return refuse("formula", "'" + formula + "'", "one of lae, smoothquant");
  if (!(alpha >= 0 && alpha <= 1))
    return refuse("alpha", llvm::formatv("{0}", alpha.getValue()).str(), "between 0 and 1");
  if (!(minScale >= 0) || std::isinf(minScale))
    return refuse("min-scale", llvm::formatv("{0}", minScale.getValue()).str(), "a number of at least 0");
  return EqualizationOptions{*formulaOf, alpha, minScale};
}

/// Empty where the layer has none that can be read as f32.
static std::vector<float> channelAbsmaxOf(LinearOp op) {
  if (ElementsAttr attr = op.getChannelAbsmaxAttr())
    if (auto values = attr.tryGetValues<float>())
      return std::vector<float>(values->begin(), values->end());
  return {};
}

FailureOr<SmallVector<LinearOp>> FptqEqualizePass::collectLayers() {
  SmallVector<LinearOp> layers;
  bool ok = true;
  getOperation().walk([&](LinearOp op) {
    PolicyAttr policy = op.getPolicyAttr();
    if (!policy || policy.getKind() != PolicyKind::Equalized || isEqualized(op))
      return;
    if (!channelAbsmaxOf(op).empty()) {
      layers.push_back(op);
    } else if (strict) {
      op.emitOpError() << "layer '" << op.getLayer() << "' is to be equalized but has no channel_absmax: its profile "
                       << "has no channel maxima";
      ok = false;
    } else {
      remark::missed(op.getLoc(), remark::RemarkOpts::name("NotEqualized").category("Equalize"))
          << remark::add("layer '{0}' is not equalized", op.getLayer().str())
          << remark::reason("its profile has no channel maxima") << remark::metric("layer", op.getLayer());
    }
  });
  if (!ok)
    return failure();
  return layers;
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// Gives each channel the largest value of its class: channels that an absorbing constant does not tell
/// apart (query heads of one key head) must get equal scales.
static void shareMaxima(MutableArrayRef<float> values, Family family) {
  llvm::IntEqClasses classes(values.size());
  for (EqualizationGroup *group : family)
    for (const Absorber &absorber : group->plan.getAbsorbers()) {
      llvm::DenseMap<int64_t, unsigned> firstOf;
      for (auto [k, number] : llvm::enumerate(absorber.map.classes()))
        classes.join(k, firstOf.try_emplace(number, k).first->second);
    }
  classes.compress();
  std::vector<float> maxima(classes.getNumClasses());
  for (size_t k = 0; k < values.size(); ++k)
    maxima[classes[k]] = std::max(maxima[classes[k]], values[k]);
  for (size_t k = 0; k < values.size(); ++k)
    values[k] = maxima[classes[k]];
}

/// One scale a channel for all layers of the family. SmoothQuant looks at every weight that s will
/// multiply, one at a time.
static FailureOr<std::vector<float>> chooseScales(Family family, const EqualizationOptions &options,
                                                  const ParameterFiles &files) {
  int64_t channels = family.front()->map.numChannels();
  std::vector<float> absmax(channels), weightAbsmax;
  for (EqualizationGroup *group : family)
    for (LinearOp op : group->equalized)
      for (auto [shared, own] : llvm::zip_equal(absmax, channelAbsmaxOf(op)))
        shared = std::max(shared, own);
  shareMaxima(absmax, family);
  if (options.formula == EqualizationFormula::SmoothQuant) {
    weightAbsmax.resize(channels);
    for (EqualizationGroup *group : family)
      for (LinearOp op : group->equalized) {
        FailureOr<std::vector<float>> weight = evaluateConstant(op.getWeight(), files, op.getLayer());
        if (failed(weight))
          return failure();
        accumulateColumnAbsmax(*weight, weightAbsmax);
      }
    shareMaxima(weightAbsmax, family);
  }
  return equalizationScales(absmax, weightAbsmax, options);
}

static std::vector<float> reciprocals(ArrayRef<float> scales) {
  std::vector<float> result;
  for (float s : scales)
    result.push_back(1 / s);
  return result;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static std::string describe(Value constant) {
  StringRef name = constantName(constant);
  return name.empty() ? std::string("a constant") : ("'" + name + "'").str();
}

static std::string describe(const Absorber &absorber) {
  if (LinearOp producer = absorber.linear)
    return ("the rows of '" + producer.getLayer() + "'").str();
  return describe(absorber.constant->get());
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

/// What each absorber's constant (a layer's: its bias) becomes, null where it has none. Refuses the
/// group's plan where (E6) is hurt.
static FailureOr<SmallVector<DenseElementsAttr>> divideConstants(EqualizationGroup &group, ArrayRef<float> scales,
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

static void applyAbsorber(const Absorber &absorber, ArrayRef<float> inverse, DenseElementsAttr constant) {
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

/// Divides the input just before the layers: one op a value, so that layers that shared an input still do.
static void scaleInputs(EqualizationGroup &group, ArrayRef<float> inverse) {
  Value factors = createVector(group.equalized.front(), inverse);
  llvm::SmallDenseMap<Value, Value> scaledOf;
  for (LinearOp op : group.equalized) {
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

/// The profile of the divided input. Values above `absmax` were clipped by the observer and stay so.
static void divideProfile(LinearOp op, ArrayRef<float> scales) {
  std::vector<float> absmax = channelAbsmaxOf(op);
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
  if (range)
    op.setRangeAttr(RangeAttr::get(op.getContext(), range.getMin() < 0 ? -bound : 0.0, range.getMax() > 0 ? bound : 0.0,
                                   clipped, range.getTokens()));
}

//===----------------------------------------------------------------------===//
// Report
//===----------------------------------------------------------------------===//

/// Element types other than f32 among the folded constants: there the function is preserved up to one
/// more rounding.
static std::string roundingNote(const FoldPlan &plan) {
  for (const Absorber &absorber : plan.getAbsorbers())
    if (absorber.constant)
      if (Type type = getElementTypeOrSelf(absorber.constant->get().getType()); !type.isF32())
        return llvm::formatv("{0} is rounded to {1} once more", describe(absorber), type).str();
  return "";
}

static void reportKeptFloat(LinearOp op) {
  remark::passed(op.getLoc(), remark::RemarkOpts::name("Rescaled").category("Equalize"))
      << remark::add("layer '{0}' stays float and takes s into its weight", op.getLayer().str())
      << remark::metric("layer", op.getLayer());
}

static void report(const EqualizationGroup &group, LinearOp op, StringRef into, StringRef note, double before) {
  bool folded = group.plan.isLegal();
  auto options = remark::RemarkOpts::name("Equalized").category("Equalize");
  auto remark = folded ? remark::passed(op.getLoc(), options) : remark::missed(op.getLoc(), options);
  if (folded)
    remark << remark::add("layer '{0}': 1/s is folded into {1}", op.getLayer().str(), into.str());
  else
    remark << remark::add("layer '{0}': 1/s stays before the layer", op.getLayer().str())
           << remark::reason("{0}", group.plan.getReason().str());
  remark << remark::metric("layer", op.getLayer()) << remark::metric("folded", folded);
  if (folded && !note.empty())
    remark << remark::metric("note", note);
  if (RangeAttr range = op.getRangeAttr())
    remark << remark::metric("range", before) << remark::metric("equalized_range", range.getAbsmax());
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

void FptqEqualizePass::apply(EqualizationGroup &group, ArrayRef<float> scales, ArrayRef<DenseElementsAttr> constants) {
  bool folded = group.plan.isLegal();
  std::vector<float> inverse = reciprocals(scales);
  std::vector<std::string> absorbers;
  for (const Absorber &absorber : group.plan.getAbsorbers())
    absorbers.push_back(describe(absorber));
  std::string note = roundingNote(group.plan);

  if (folded)
    for (auto [absorber, constant] : llvm::zip_equal(group.plan.getAbsorbers(), constants))
      applyAbsorber(absorber, inverse, constant);
  else
    scaleInputs(group, inverse);

  Value columns = createVector(group.equalized.front(), scales);
  if (folded)
    for (LinearOp op : group.keptFloat) {
      scaleWeight(op, columns, 1);
      reportKeptFloat(op);
    }
  for (LinearOp op : group.equalized) {
    double before = op.getRangeAttr() ? op.getRangeAttr().getAbsmax() : 0;
    scaleWeight(op, columns, 1);
    divideProfile(op, scales);
    report(group, op, llvm::join(absorbers, ", "), note, before);
    ++(folded ? numFolded : numMultiplied);
  }
}

LogicalResult FptqEqualizePass::equalize(Family family, const EqualizationOptions &options,
                                         const ParameterFiles &files) {
  for (EqualizationGroup *group : family)
    if (group->map.numChannels() != family.front()->map.numChannels())
      return group->equalized.front().emitOpError()
             << "layer '" << group->equalized.front().getLayer() << "' has " << group->map.numChannels()
             << " input channels here and " << family.front()->map.numChannels() << " elsewhere";
  FailureOr<std::vector<float>> scales = chooseScales(family, options, files);
  if (failed(scales))
    return failure();

  SmallVector<SmallVector<DenseElementsAttr>> constants;
  for (EqualizationGroup *group : family) {
    auto divided = divideConstants(*group, *scales, files);
    if (failed(divided))
      return failure();
    constants.push_back(std::move(*divided));
  }
  refuseFamily(family); // (E6) may have turned up
  for (auto [group, divided] : llvm::zip_equal(family, constants))
    apply(*group, *scales, divided);
  return success();
}

void FptqEqualizePass::runOnOperation() {
  FailureOr<EqualizationOptions> options = readOptions();
  if (failed(options))
    return signalPassFailure();
  FailureOr<ParameterFiles> files = ParameterFiles::open(getOperation());
  if (failed(files))
    return signalPassFailure();
  FailureOr<SmallVector<LinearOp>> layers = collectLayers();
  if (failed(layers))
    return signalPassFailure();
  std::vector<EqualizationGroup> groups = collectGroups(*layers);
  for (Family family : joinFamilies(groups))
    if (failed(equalize(family, *options, *files)))
      return signalPassFailure();
}

} // namespace mlir::fptq
