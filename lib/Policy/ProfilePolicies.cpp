//===- ProfilePolicies.cpp - policies from ranges alone -------------------===//
#include "fptq/Policy/LayerPolicy.h"
#include "fptq/Policy/LayerTable.h"
#include "fptq/Profile/RangeProfile.h"

using namespace mlir::fptq;
using llvm::StringRef;

static LayerFacts factsOf(const LayerRange &range) {
  LayerFacts facts;
  facts.name = range.layer;
  facts.k = range.channels;
  facts.absmax = range.absmax;
  facts.isUnseen = range.isUnseen();
  facts.hasChannels = !range.channelAbsmax.empty();
  return facts;
}

static LayerRow rowOf(const LayerRange &range, const LayerDecision &decision) {
  LayerRow row;
  row.name = range.layer;
  if (range.channels)
    row.k = range.channels;
  row.range = range.absmax;
  row.policy = policyWord(decision.policy).str();
  row.reason = decision.reason;
  if (decision.policy != PolicyKind::Float)
    row.groupSize = decision.groupSize;
  return row;
}

llvm::Expected<llvm::json::Value> mlir::fptq::decidePolicies(const RangeProfile &profile, const PolicyOptions &options,
                                                             const Recipe *recipe) {
  if (llvm::Error error = options.verify())
    return std::move(error);
  std::vector<LayerRow> rows;
  std::vector<LayerName> names;
  std::vector<std::string> problems, warnings;
  for (const LayerRange &range : profile.layers) {
    names.push_back({range.layer, LayerKind::Linear});
    llvm::Expected<LayerDecision> decision = decideLayer(factsOf(range), options, recipe);
    if (decision)
      rows.push_back(rowOf(range, *decision));
    else
      problems.push_back("layer '" + range.layer + "' " + llvm::toString(decision.takeError()));
  }
  if (recipe)
    warnings = unmatchedRules(*recipe, names, LayerSource::Profile);
  if (options.strict)
    problems.insert(problems.end(), warnings.begin(), warnings.end());
  if (!problems.empty())
    return llvm::createStringError(llvm::join(problems, "\n"));
  llvm::json::Value table = layerTable(rows);
  llvm::json::Object &object = *table.getAsObject();
  object["v0"] = options.v0;
  object["v1"] = options.v1;
  object["unmatched_rules"] = llvm::json::Array(warnings);
  return table;
}
