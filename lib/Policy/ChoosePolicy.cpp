//===- ChoosePolicy.cpp - fptq-choose-policy ------------------------------===//
#include "fptq/IR/Fptq.h"
#include "fptq/Policy/LayerPolicy.h"
#include "fptq/Policy/Passes.h"
#include "fptq/Support/OwnPolicy.h"
#include "mlir/IR/Remarks.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQCHOOSEPOLICYPASS
#include "fptq/Policy/Passes.h.inc"

namespace {
struct FptqChoosePolicyPass : impl::FptqChoosePolicyPassBase<FptqChoosePolicyPass> {
  using Base::Base;
  void runOnOperation() override;

private:
  FailureOr<PolicyOptions> readOptions();
  FailureOr<std::optional<Recipe>> readRecipe();
  LogicalResult reportUnmatched(std::vector<std::string> messages);
  void apply(LinearOp op, const LayerDecision &decision);
  void apply(LookupOp op, const LayerDecision &decision);
};
} // namespace

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

FailureOr<PolicyOptions> FptqChoosePolicyPass::readOptions() {
  auto refuse = [&](StringRef option, StringRef text, StringRef expected) {
    return getOperation().emitError() << "fptq-choose-policy: option " << option << "='" << text << "' is not one of "
                                      << expected;
  };
  auto modeOf = parsePolicyMode(policy);
  if (!modeOf)
    return refuse("policy", policy, "fptq, static, equalized, per-token, float");
  auto schemeOf = parseSchemeKind(scheme);
  if (!schemeOf)
    return refuse("scheme", scheme, "group, two-level");
  auto methodOf = symbolizeWeightMethod(method);
  if (!methodOf || *methodOf == WeightMethod::Stored)
    return refuse("method", method, "rtn, mse");
  auto raggedOf = parseRaggedMode(ragged);
  if (!raggedOf)
    return refuse("ragged", ragged, "pad, adjust, error");
  std::optional<bool> symmetricOf;
  if (symmetric == "true" || symmetric == "false")
    symmetricOf = symmetric == "true";
  else if (symmetric != "auto")
    return refuse("symmetric", symmetric, "true, false, auto");
  PolicyOptions options{v0, v1, *modeOf, *schemeOf, groupSize, symmetricOf, *methodOf, *raggedOf, keepFloat, strict};
  if (llvm::Error error = options.verify())
    return getOperation().emitError() << "fptq-choose-policy: " << llvm::toString(std::move(error));
  return options;
}

FailureOr<std::optional<Recipe>> FptqChoosePolicyPass::readRecipe() {
  if (recipe.empty())
    return std::optional<Recipe>();
  llvm::Expected<Recipe> loaded = Recipe::load(recipe);
  if (!loaded)
    return getOperation().emitError() << llvm::toString(loaded.takeError());
  return std::optional<Recipe>(std::move(*loaded));
}

//===----------------------------------------------------------------------===//
// Decisions
//===----------------------------------------------------------------------===//

static LayerFacts factsOf(LinearOp op) {
  LayerFacts facts;
  facts.name = op.getLayer();
  facts.k = op.getInputChannels();
  if (RangeAttr range = op.getRangeAttr()) {
    facts.absmax = range.getAbsmax();
    facts.isUnseen = range.isUnseen();
  }
  if (PolicyAttr given = op.getPolicyAttr(); given && hasOwnPolicy(op)) {
    facts.given = given.getKind();
    facts.givenReason = given.getReason();
  }
  facts.hasChannels = bool(op.getChannelAbsmaxAttr());
  if (auto stored = op.getWeight().getDefiningOp<DequantizeOp>())
    facts.stored = StoredWeight{(int64_t)stored.getBits(), (int64_t)stored.getGroupSize(),
                                !stored.getZeros() && !stored.getOffsets()};
  return facts;
}

static llvm::Expected<LayerDecision> decide(LayerOpInterface layer, const PolicyOptions &options, const Recipe *rules) {
  if (auto linear = dyn_cast<LinearOp>(layer.getOperation()))
    return decideLayer(factsOf(linear), options, rules);
  auto lookup = cast<LookupOp>(layer.getOperation());
  return decideLookup(lookup.getLayer(), lookup.getChannels(), options, rules);
}

/// How the weight of `op`, a linear or a lookup, becomes codes.
template <typename Op> static void setScheme(Op op, const LayerDecision &decision) {
  if (decision.policy == PolicyKind::Float)
    op.removeSchemeAttr();
  else
    op.setSchemeAttr(
        SchemeAttr::get(op.getContext(), decision.scheme, decision.groupSize, decision.symmetric, decision.method));
}

static void emitRemark(LinearOp op, const LayerDecision &decision) {
  auto options = remark::RemarkOpts::name("LayerPolicy").category("Policy");
  auto remark = decision.fellBack ? remark::missed(op.getLoc(), options) : remark::passed(op.getLoc(), options);
  remark << remark::add("layer '{0}' is {1}: {2}", op.getLayer().str(), policyWord(decision.policy).str(),
                        decision.reason);
  if (!decision.note.empty())
    remark << remark::reason("{0}", decision.note);
  remark << remark::metric("layer", op.getLayer()) << remark::metric("policy", policyWord(decision.policy))
         << remark::metric("k", op.getInputChannels()) << remark::metric("n", op.getOutputChannels())
         << remark::metric("group_size", decision.groupSize);
  if (RangeAttr range = op.getRangeAttr())
    remark << remark::metric("range", range.getAbsmax());
}

/// A state that starts at zero: no scale could be right, and the one taken is 1.
static void warnOfZeros(LinearOp op, PolicyKind policy) {
  if (policy == PolicyKind::Static && op.getRangeAttr() && op.getRangeAttr().getAbsmax() == 0)
    op.emitWarning() << "calibration saw nothing but zeros, and a static scale is a guess: calibrate on more, or let a "
                        "rule make it per-token (layer '"
                     << op.getLayer() << "')";
}

void FptqChoosePolicyPass::apply(LinearOp op, const LayerDecision &decision) {
  warnOfZeros(op, decision.policy);
  op.setPolicyAttr(PolicyAttr::get(op.getContext(), decision.policy, decision.reason));
  markOwnPolicy(op, decision.isOwn && !decision.fellBack);
  setScheme(op, decision);
  emitRemark(op, decision);
  switch (decision.policy) {
  case PolicyKind::Static:
    ++numStatic;
    break;
  case PolicyKind::Equalized:
    ++numEqualized;
    break;
  case PolicyKind::PerToken:
    ++numPerToken;
    break;
  case PolicyKind::Float:
    ++numFloat;
    break;
  }
}

void FptqChoosePolicyPass::apply(LookupOp op, const LayerDecision &decision) {
  bool isFloat = decision.policy == PolicyKind::Float;
  op.setReason(decision.reason);
  setScheme(op, decision);
  auto remark = remark::passed(op.getLoc(), remark::RemarkOpts::name("LookupPolicy").category("Policy"));
  remark << remark::add("layer '{0}' is {1}: {2}", op.getLayer().str(),
                        isFloat ? "a lookup of floats" : "a lookup of 4-bit rows", decision.reason);
  if (!decision.note.empty())
    remark << remark::reason("{0}", decision.note);
  remark << remark::metric("layer", op.getLayer()) << remark::metric("k", op.getChannels())
         << remark::metric("n", op.getRows()) << remark::metric("group_size", decision.groupSize);
  numLookups += !isFloat;
}

/// Of a pattern that somebody wrote; the default one's heads need not be there.
static std::vector<std::string> unmatchedKeepFloat(const PolicyOptions &options, ArrayRef<LayerName> names) {
  llvm::Regex pattern(options.keepFloat);
  if (names.empty() || options.keepFloat.empty() || options.keepFloat == PolicyOptions().keepFloat ||
      llvm::any_of(names, [&](const LayerName &layer) { return pattern.match(layer.name); }))
    return {};
  return {"keep-float='" + options.keepFloat + "' matches no layer"};
}

LogicalResult FptqChoosePolicyPass::reportUnmatched(std::vector<std::string> messages) {
  for (const std::string &message : messages) {
    if (strict)
      getOperation().emitError() << message;
    else
      getOperation().emitWarning() << message;
  }
  return failure(strict && !messages.empty());
}

void FptqChoosePolicyPass::runOnOperation() {
  FailureOr<PolicyOptions> options = readOptions();
  if (failed(options))
    return signalPassFailure();
  FailureOr<std::optional<Recipe>> loaded = readRecipe();
  if (failed(loaded))
    return signalPassFailure();
  const Recipe *rules = *loaded ? &**loaded : nullptr;

  SmallVector<std::pair<LayerOpInterface, LayerDecision>> decisions;
  SmallVector<LayerName> names;
  bool ok = true, anything = false, quantized = false;
  getOperation().walk([&](LayerOpInterface layer) {
    if (!isa<LinearOp, LookupOp>(layer.getOperation())) {
      anything = quantized = true;
      return;
    }
    names.push_back({layer.getLayer(), layer.getLayerKind()});
    llvm::Expected<LayerDecision> decision = decide(layer, *options, rules);
    if (!decision) {
      layer->emitOpError() << "layer '" << layer.getLayer() << "' " << llvm::toString(decision.takeError());
      ok = false;
      return;
    }
    anything |= isa<LinearOp>(layer.getOperation()) || decision->policy != PolicyKind::Float;
    decisions.emplace_back(layer, std::move(*decision));
  });
  if (ok && !anything)
    getOperation().emitWarning("nothing to quantize: no contraction with a constant weight was raised (remarks of "
                               "category Raise say why; a function's argument counts as an activation)");
  if (ok && quantized && names.empty())
    getOperation().emitWarning("nothing to decide: every layer is quantized already, as it was decided then");
  ok &= succeeded(reportUnmatched(unmatchedKeepFloat(*options, names)));
  if (rules)
    ok &= succeeded(reportUnmatched(unmatchedRules(*rules, names, LayerSource::Model)));
  if (!ok)
    return signalPassFailure();
  for (auto &[layer, decision] : decisions) {
    if (auto linear = dyn_cast<LinearOp>(layer.getOperation()))
      apply(linear, decision);
    else
      apply(cast<LookupOp>(layer.getOperation()), decision);
  }
}

} // namespace mlir::fptq
