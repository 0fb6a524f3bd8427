//===- CheckTarget.cpp - what a target will run, before any work ----------===//
#include "fptq/Conversion/FptqToNVGPU/Chip.h"
#include "fptq/Conversion/FptqToX86/Kernels.h"
#include "fptq/IR/Fptq.h"
#include "fptq/IR/Limits.h"
#include "fptq/Pack/Layout.h"
#include "fptq/Pipelines/Passes.h"
#include "fptq/Pipelines/Pipelines.h"
#include "fptq/Policy/Recipe.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQCHECKTARGETPASS
#include "fptq/Pipelines/Passes.h.inc"

namespace {
struct FptqCheckTargetPass : impl::FptqCheckTargetPassBase<FptqCheckTargetPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  FailureOr<Layout> layoutOfTarget();
  LogicalResult check(LayerOpInterface layer, Layout layout, SchemeKind undecided);
};
} // namespace

/// Whether a target has anything to do with `layer`: the host looks up rows of floats.
static bool isForTarget(LayerOpInterface layer) {
  return layer.getLayerKind() != LayerKind::Lookup || layer.getSchemeAttr();
}

FailureOr<Layout> FptqCheckTargetPass::layoutOfTarget() {
  target = resolveTier(target);
  if (StringRef(target).starts_with("sm_")) {
    if (failed(nvptx::parseChip(target, [&] { return getOperation().emitError(); })))
      return failure();
    return Layout::NVPTX;
  }
  if (!x86::parseTarget(target))
    return getOperation().emitError() << "unknown target '" << target << "', expected " << x86::knownTargets()
                                      << ", auto, or a chip like sm_80";
  if (!elsewhere && failed(checkTier(target, [&] { return getOperation().emitError(); })))
    return failure();
  return Layout::X86;
}

LogicalResult FptqCheckTargetPass::check(LayerOpInterface layer, Layout layout, SchemeKind undecided) {
  int64_t n = layer.getWeightRows(), k = layer.getWeightColumns();
  if (ShapedType::isDynamic(n) || ShapedType::isDynamic(k))
    return layer->emitOpError() << "layer '" << layer.getLayer()
                                << "' has a weight of unknown size, so no constant one";
  std::string where = llvm::formatv("layer '{0}' ({1} x {2})", layer.getLayer(), k, n);
  if (PolicyAttr policy = layer.getPolicyAttr(); policy && policy.getKind() == PolicyKind::Float) {
    llvm::errs() << where << ": float, by its policy\n";
    return success();
  }
  if (LayoutAttr packed = layer.getLayoutAttr(); packed && packed.getLayout() != layout)
    return layer->emitOpError() << "layer '" << layer.getLayer() << "' is packed for '" << packed.getName()
                                << "', target '" << target << "' reads '" << StringRef(layoutName(layout)) << "'";
  SchemeAttr decided = layer.getSchemeAttr();
  SchemeKind scheme = decided ? decided.getKind() : undecided;
  int64_t asked = decided ? decided.groupSizeFor(k) : groupSize ? groupSize : k;
  int64_t group = std::min(asked, k), groups = llvm::divideCeil(k, group);
  if (int64_t summed = summedChannels(k, group); summed > kMaxInputChannels)
    return layer->emitOpError() << "(QM5) layer '" << layer.getLayer() << "' has K = " << summed
                                << (summed == k ? "" : " with the last group's padding") << ", above "
                                << kMaxInputChannels << ", where int32 sums could overflow";
  int64_t padded = groups * paddedGroupSize(layout, group);
  bool isLookup = layer.getLayerKind() == LayerKind::Lookup; // no kernel: the host's own code
  llvm::errs() << where << ": " << (scheme == SchemeKind::Group ? "group" : "two-level") << " scheme, " << groups
               << (groups == 1 ? " group of " : " groups of ") << group
               << (isLookup ? ", a row for each id, on the host" : ", on " + target);
  if (padded != k)
    llvm::errs() << llvm::formatv(", K padded to {0} (+{1:P0})", padded, double(padded - k) / k);
  llvm::errs() << "\n";
  return success();
}

void FptqCheckTargetPass::runOnOperation() {
  markAllAnalysesPreserved();
  std::optional<SchemeKind> undecided = parseSchemeKind(scheme);
  if (!undecided || groupSize < 0) {
    getOperation().emitError() << "fptq-check-target: scheme '" << scheme << "', group-size " << groupSize.getValue()
                               << ": expected group or two-level, and 0 or more";
    return signalPassFailure();
  }
  FailureOr<Layout> layout = layoutOfTarget();
  if (failed(layout))
    return signalPassFailure();
  llvm::StringSet<> seen; // prefill and decode share their layers
  bool failedAny = false;
  getOperation().walk([&](LayerOpInterface layer) {
    if (isForTarget(layer) && seen.insert(layer.getLayer()).second)
      failedAny |= failed(check(layer, *layout, *undecided));
  });
  if (seen.empty()) {
    getOperation().emitError() << "has no layer to check: run fptq-raise first";
    failedAny = true;
  }
  if (failedAny)
    signalPassFailure();
}

} // namespace mlir::fptq
