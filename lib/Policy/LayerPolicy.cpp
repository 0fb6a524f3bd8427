//===- LayerPolicy.cpp - the choice for one layer -------------------------===//
#include "fptq/Policy/LayerPolicy.h"
#include "fptq/IR/Limits.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir::fptq;
using llvm::formatv;
using llvm::StringRef;

llvm::Error PolicyOptions::verify() const {
  if (!std::isfinite(v0) || !std::isfinite(v1) || v0 < 0 || v0 > v1)
    return llvm::createStringError(formatv("thresholds v0 = {0}, v1 = {1}: expected 0 <= v0 <= v1", v0, v1));
  if (groupSize < 0)
    return llvm::createStringError(formatv("group size {0} is negative; 0 means per channel", groupSize));
  if (scheme == SchemeKind::TwoLevel && symmetric.value_or(false))
    return llvm::createStringError("the two-level scheme has offsets and cannot be symmetric");
  if (keepFloat.empty())
    return llvm::Error::success();
  llvm::Expected<llvm::Regex> pattern = parseLayerPattern(keepFloat);
  return pattern ? llvm::Error::success() : llvm::createStringError("keep-float: " + toString(pattern.takeError()));
}

/// The largest divisor of `k` that is at most `groupSize`.
static int64_t adjustGroupSize(int64_t k, int64_t groupSize) {
  for (int64_t g = std::min(k, groupSize); g > 1; --g)
    if (k % g == 0)
      return g;
  return 1;
}

namespace {
/// The options of one layer after its rule, and where they come from.
struct Request {
  PolicyOptions options;
  const RecipeRule *rule = nullptr;
  std::string source; // in words, for a policy that is not the range's choice
};
} // namespace

static Request requestFor(StringRef layer, LayerKind kind, const PolicyOptions &options, const Recipe *recipe) {
  const RecipeRule *rule = recipe ? recipe->match(layer, kind) : nullptr;
  Request request{options, rule, formatv("policy={0}", stringifyPolicyMode(options.mode)).str()};
  PolicyOptions &asked = request.options;
  if (!rule) {
    if (!options.keepFloat.empty() && llvm::Regex(options.keepFloat).match(layer)) {
      asked.mode = PolicyMode::Float;
      request.source = formatv("keep-float={0}", options.keepFloat);
    }
    return request;
  }
  if (rule->policy) {
    asked.mode = *rule->policy;
    request.source = formatv("{0}:{1}: match '{2}' says {3}", recipe->file(), rule->line, rule->match,
                             stringifyPolicyMode(asked.mode));
  }
  // A rule that sets one threshold moves the other one along where they would cross.
  asked.v0 = rule->v0.value_or(std::min(options.v0, rule->v1.value_or(options.v0)));
  asked.v1 = rule->v1.value_or(std::max(options.v1, asked.v0));
  if (rule->scheme && *rule->scheme != asked.scheme) {
    asked.scheme = *rule->scheme;
    asked.symmetric.reset(); // the run's symmetry was meant for the run's scheme
  }
  if (rule->symmetric)
    asked.symmetric = rule->symmetric;
  asked.groupSize = rule->groupSize.value_or(asked.groupSize);
  asked.method = rule->method.value_or(asked.method);
  asked.ragged = rule->ragged.value_or(asked.ragged);
  return request;
}

static std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", value);
  return text;
}

/// FPTQ's three bands.
static void decideByRange(double v, double v0, double v1, LayerDecision &decision) {
  if (v <= v0) {
    decision.policy = PolicyKind::Static;
    decision.reason = formatv("v = {0} <= v0 = {1}", number(v), number(v0));
  } else if (v < v1) {
    decision.policy = PolicyKind::Equalized;
    decision.reason = formatv("v0 = {0} < v = {1} < v1 = {2}", number(v0), number(v), number(v1));
  } else {
    decision.policy = PolicyKind::PerToken;
    decision.reason = formatv("v = {0} >= v1 = {1}", number(v), number(v1));
  }
}

/// Why a policy cannot be had from what is known of the layer; empty if it can.
static StringRef missingFacts(const LayerFacts &facts, PolicyMode mode, PolicyKind policy) {
  bool needsRange =
      (mode == PolicyMode::Fptq && !facts.given) || policy == PolicyKind::Static || policy == PolicyKind::Equalized;
  if (needsRange && !facts.absmax)
    return "has no profiled range";
  if ((policy == PolicyKind::Static || policy == PolicyKind::Equalized) && facts.isUnseen)
    return "was reached by no token of the calibration";
  if (policy == PolicyKind::Equalized && !facts.hasChannels)
    return "has no per-channel maxima, which equalization needs";
  return "";
}

/// The policy that a mode other than `Fptq` asks for.
static PolicyKind askedPolicy(PolicyMode mode) {
  switch (mode) {
  case PolicyMode::Static:
    return PolicyKind::Static;
  case PolicyMode::Equalized:
    return PolicyKind::Equalized;
  case PolicyMode::PerToken:
    return PolicyKind::PerToken;
  case PolicyMode::Float:
    return PolicyKind::Float;
  case PolicyMode::Fptq:
    break;
  }
  llvm_unreachable("the range decides");
}

/// What needs neither a profile nor scales in the weight.
static void fallBack(StringRef why, LayerDecision &decision) {
  decision.policy = PolicyKind::PerToken;
  decision.fellBack = true;
  decision.note = formatv("per token, because it {0}", why);
}

static llvm::Error decideActivation(const LayerFacts &facts, const Request &request, LayerDecision &decision) {
  PolicyMode mode = request.options.mode;
  if (mode != PolicyMode::Fptq) {
    decision.policy = askedPolicy(mode);
    decision.reason = request.source;
  } else if (facts.given && !(request.rule && request.rule->policy)) {
    decision.policy = *facts.given;
    decision.reason = facts.givenReason.str();
    decision.isOwn = true;
  } else if (facts.isUnseen) { // no range is known, and any token may come
    decision.policy = PolicyKind::PerToken;
    decision.reason = "no token of the calibration reached it";
  } else if (facts.absmax) {
    decideByRange(*facts.absmax, request.options.v0, request.options.v1, decision);
  }
  StringRef missing = missingFacts(facts, mode, decision.policy);
  if (missing.empty())
    return llvm::Error::success();
  if (request.options.strict)
    return llvm::createStringError(missing);
  fallBack(missing, decision);
  decision.reason = decision.note;
  return llvm::Error::success();
}

static llvm::Error decideGroups(int64_t k, const PolicyOptions &asked, LayerDecision &decision) {
  decision.groupSize = asked.groupSize;
  if (asked.groupSize == 0 || k == 0 || k % asked.groupSize == 0)
    return llvm::Error::success();
  if (asked.ragged == RaggedMode::Error)
    return llvm::createStringError(
        formatv("K = {0} is not divisible by group size {1} (remainder {2})", k, asked.groupSize, k % asked.groupSize));
  if (asked.ragged == RaggedMode::Adjust)
    decision.groupSize = adjustGroupSize(k, asked.groupSize);
  else if (k < asked.groupSize) // one group without padding
    decision.groupSize = k;
  std::string note =
      decision.groupSize == asked.groupSize
          ? formatv("the last group of {0} has {1} of {2} channels (padded)", k, k % asked.groupSize, asked.groupSize)
                .str()
          : formatv("group size {0} instead of {1} for K = {2}", decision.groupSize, asked.groupSize, k).str();
  decision.note += (decision.note.empty() ? "" : "; ") + note;
  return llvm::Error::success();
}

/// One int32 sum has to hold all channels, the last group's padding included (QM5).
static llvm::Error checkChannels(int64_t k, bool strict, LayerDecision &decision) {
  int64_t padded = summedChannels(k, decision.groupSize);
  if (padded <= kMaxInputChannels)
    return llvm::Error::success();
  std::string what = formatv("has K = {0}", k);
  if (padded != k)
    what += formatv(", in groups of {0} padded to {1}", decision.groupSize, padded);
  what += formatv(", and int32 sums hold {0} channels (QM5)", kMaxInputChannels);
  if (strict)
    return llvm::createStringError(what +
                                   (padded != k ? ": choose other groups, or ragged=adjust" : ": keep it float"));
  decision.policy = PolicyKind::Float;
  decision.fellBack = true;
  decision.reason = "float, because it " + what;
  return llvm::Error::success();
}

/// Keeps the codes a weight came with: its own scheme, and no scales of equalization, which would change them.
static llvm::Error keepStored(int64_t k, const StoredWeight &stored, const Request &request, LayerDecision &decision) {
  const RecipeRule *rule = request.rule;
  if (rule && (rule->scheme || rule->groupSize || rule->symmetric || rule->ragged))
    return llvm::createStringError(formatv("came with codes of {0} bits in groups of {1}; to quantize it anew, name a "
                                           "method in its rule",
                                           stored.bits, stored.groupSize));
  if (decision.policy == PolicyKind::Equalized) {
    if (request.options.mode == PolicyMode::Equalized && request.options.strict)
      return llvm::createStringError("cannot be equalized: it came with codes, which take no scales");
    fallBack("came with codes, which take no scales", decision);
    decision.reason += "; " + decision.note;
  }
  decision.scheme = SchemeKind::Group;
  decision.groupSize = stored.groupSize;
  decision.symmetric = stored.symmetric;
  decision.method = WeightMethod::Stored;
  return checkChannels(k, request.options.strict, decision); // they divide K, so this is all that can be wrong
}

/// How codes become weights, for all but a layer that stays float.
static llvm::Error decideScheme(int64_t k, const PolicyOptions &asked, LayerDecision &decision) {
  if (asked.method == WeightMethod::Stored)
    return llvm::createStringError("has method 'stored', but its weight came with no codes");
  decision.scheme = asked.scheme;
  decision.method = asked.method;
  decision.symmetric = asked.symmetric.value_or(decision.scheme == SchemeKind::Group);
  if (decision.scheme == SchemeKind::TwoLevel && decision.symmetric)
    return llvm::createStringError("asks for the two_level scheme and symmetric, which exclude each other");
  if (decision.policy == PolicyKind::Float)
    return llvm::Error::success();
  if (llvm::Error error = decideGroups(k, asked, decision))
    return error;
  return checkChannels(k, asked.strict, decision);
}

llvm::Expected<LayerDecision> mlir::fptq::decideLayer(const LayerFacts &facts, const PolicyOptions &options,
                                                      const Recipe *recipe) {
  Request request = requestFor(facts.name, LayerKind::Linear, options, recipe);
  LayerDecision decision;
  if (llvm::Error error = decideActivation(facts, request, decision))
    return std::move(error);
  bool anew = request.rule && request.rule->method && *request.rule->method != WeightMethod::Stored;
  if (facts.stored && !anew && decision.policy != PolicyKind::Float) {
    if (llvm::Error error = keepStored(facts.k, *facts.stored, request, decision))
      return std::move(error);
    return decision;
  }
  if (llvm::Error error = decideScheme(facts.k, request.options, decision))
    return std::move(error);
  return decision;
}

llvm::Expected<LayerDecision> mlir::fptq::decideLookup(StringRef name, int64_t channels, const PolicyOptions &options,
                                                       const Recipe *recipe) {
  Request request = requestFor(name, LayerKind::Lookup, options, recipe);
  LayerDecision decision;
  decision.policy = PolicyKind::Float;
  if (!request.rule) {
    decision.reason = "no rule names it";
    return decision;
  }
  if (request.options.mode == PolicyMode::Float) {
    decision.reason = request.source;
    return decision;
  }
  decision.policy = PolicyKind::Static;
  decision.reason = formatv("{0}:{1}: match '{2}'", recipe->file(), request.rule->line, request.rule->match);
  if (llvm::Error error = decideScheme(channels, request.options, decision))
    return std::move(error);
  return decision;
}

/// Why `rule` decided none of `layers`.
static std::string unmatchedReason(const RecipeRule &rule, llvm::ArrayRef<LayerName> layers, LayerSource source) {
  if (llvm::any_of(layers, [&](const LayerName &layer) { return rule.matches(layer.name, layer.kind); }))
    return "is hidden by rules before it";
  if (rule.kind)
    return formatv("matches no {0}", stringifyEnum(*rule.kind));
  return source == LayerSource::Model ? "matches no layer"
                                      : "matches no layer; a profile has no lookups, whose rules say kind: lookup";
}

std::vector<std::string> mlir::fptq::unmatchedRules(const Recipe &recipe, llvm::ArrayRef<LayerName> layers,
                                                    LayerSource source) {
  llvm::SmallPtrSet<const RecipeRule *, 16> used;
  for (const LayerName &layer : layers)
    used.insert(recipe.match(layer.name, layer.kind));
  std::vector<std::string> messages;
  for (const RecipeRule &rule : recipe.rules()) {
    bool isUnseen = source == LayerSource::Profile && rule.kind == LayerKind::Lookup;
    if (!used.contains(&rule) && !isUnseen)
      messages.push_back(formatv("{0}:{1}: rule '{2}' {3}", recipe.file(), rule.line, rule.match,
                                 unmatchedReason(rule, layers, source)));
  }
  return messages;
}
