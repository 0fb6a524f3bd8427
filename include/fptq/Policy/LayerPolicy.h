//===- LayerPolicy.h - the choice for one layer ------------------*- C++ -*-===//
//
// FPTQ (arXiv 2308.15987, section 3.1) chooses by v, the largest |activation| at a layer's input:
// static for v <= v0, log-equalized and static between, per token from v1 on. A recipe's rule, or
// the policy asked for all layers, comes first.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_POLICY_LAYERPOLICY_H
#define FPTQ_POLICY_LAYERPOLICY_H

#include "fptq/Policy/HeadLayers.h"
#include "fptq/Policy/Recipe.h"
#include "llvm/Support/JSON.h"

namespace mlir::fptq {

class RangeProfile;

/// Thresholds and defaults of a run; a recipe's rule overrides them layer by layer.
struct PolicyOptions {
  double v0 = 15, v1 = 150;
  PolicyMode mode = PolicyMode::Fptq;
  SchemeKind scheme = SchemeKind::Group;
  int64_t groupSize = 128;       ///< 0: per channel
  std::optional<bool> symmetric; ///< open: yes for group, no for two_level
  WeightMethod method = WeightMethod::Rtn;
  RaggedMode ragged = RaggedMode::Pad;
  std::string keepFloat = kHeadLayers; ///< a regular expression, or empty
  bool strict = true;                  ///< a layer that cannot have what was asked is an error, else it goes per token

  /// v0 <= v1, both finite; a regular expression that compiles; a scheme that can be symmetric.
  llvm::Error verify() const;
};

/// How a weight that came as codes (`fptq.dequantize`) is stored.
struct StoredWeight {
  int64_t bits = 4, groupSize = 0;
  bool symmetric = true;
};

/// What a decision may look at.
struct LayerFacts {
  llvm::StringRef name;
  int64_t k = 0;                   ///< input channels; 0 where unknown (a profile of whole tensors)
  std::optional<double> absmax;    ///< v, if the layer was profiled
  bool isUnseen = false;           ///< profiled, but no token reached it: an expert that none was routed to
  bool hasChannels = false;        ///< per-channel maxima are known, as equalization needs
  std::optional<PolicyKind> given; ///< the model's own, which `givenReason` describes
  llvm::StringRef givenReason;
  std::optional<StoredWeight> stored; ///< the weight came as codes; they are kept unless a rule names a method
};

struct LayerDecision {
  PolicyKind policy = PolicyKind::Static;
  std::string reason; ///< in words: range and thresholds, or the rule
  SchemeKind scheme = SchemeKind::Group;
  int64_t groupSize = 0; ///< 0: per channel
  bool symmetric = true;
  WeightMethod method = WeightMethod::Rtn;
  std::string note;      ///< what differs from what was asked (fallback, adjusted group), or empty
  bool fellBack = false; ///< per token, because the policy asked for could not be had
  bool isOwn = false;    ///< the policy that the model brought
};

/// Decides one layer. An error says why not, without the layer's name.
llvm::Expected<LayerDecision> decideLayer(const LayerFacts &facts, const PolicyOptions &options, const Recipe *recipe);

/// Decides the lookup of a table whose rows have `channels` elements: float unless a rule of the recipe names it, for
/// the residual stream begins there (docs/Recipes.md). Of the decision's policy only `Float` means something: no
/// activations enter a lookup.
llvm::Expected<LayerDecision> decideLookup(llvm::StringRef name, int64_t channels, const PolicyOptions &options,
                                           const Recipe *recipe);

/// What a rule looks at.
struct LayerName {
  llvm::StringRef name;
  LayerKind kind;
};

/// Where the layers come from: a profile knows no lookups, and misses none that a rule of their kind is for.
enum class LayerSource { Model, Profile };

/// The rules of `recipe` that decided none of `layers`, as "file:line: rule 'match' matches no layer".
std::vector<std::string> unmatchedRules(const Recipe &recipe, llvm::ArrayRef<LayerName> layers, LayerSource source);

/// Policies from ranges alone, without a model: `{"layers": [...], "counts": {...}, "v0", "v1"}`.
/// The error lists every layer that cannot be decided and, in strict mode, every unmatched rule.
llvm::Expected<llvm::json::Value> decidePolicies(const RangeProfile &profile, const PolicyOptions &options,
                                                 const Recipe *recipe);

} // namespace mlir::fptq

#endif // FPTQ_POLICY_LAYERPOLICY_H
