//===- Equalize.cpp - fptq-equalize ---------------------------------------===//
#include "EqualizationRewrites.h"
#include "fptq/Equalize/EqualizationScales.h"
#include "fptq/Equalize/Passes.h"
#include "fptq/Support/Parameters.h"
#include "mlir/IR/Remarks.h"
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

FailureOr<SmallVector<LinearOp>> FptqEqualizePass::collectLayers() {
  SmallVector<LinearOp> layers;
  bool ok = true;
  getOperation().walk([&](LinearOp op) {
    PolicyAttr policy = op.getPolicyAttr();
    if (!policy || policy.getKind() != PolicyKind::Equalized || isEqualized(op))
      return;
    if (!floatElements(op.getChannelAbsmaxAttr()).empty()) {
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
      for (auto [shared, own] : llvm::zip_equal(absmax, floatElements(op.getChannelAbsmaxAttr())))
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

static std::string describeAbsorbers(const FoldPlan &plan) {
  std::string text;
  for (const Absorber &absorber : plan.getAbsorbers())
    text += (text.empty() ? "" : ", ") + describe(absorber);
  return text;
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
  std::string into = describeAbsorbers(group.plan), note = roundingNote(group.plan); // before they change
  SmallVector<LinearOp> rescaled(ArrayRef<LinearOp>(group.equalized));
  if (folded) {
    divideAbsorbers(group.plan, scales, constants);
    llvm::append_range(rescaled, group.keptFloat);
    llvm::for_each(group.keptFloat, reportKeptFloat);
  } else {
    divideInputs(group.equalized, scales);
  }
  multiplyColumns(rescaled, scales);
  for (LinearOp op : group.equalized) {
    double before = op.getRangeAttr() ? op.getRangeAttr().getAbsmax() : 0;
    divideProfile(op, scales);
    report(group, op, into, note, before);
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
