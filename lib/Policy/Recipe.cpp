//===- Recipe.cpp - what the user decides per layer -----------------------===//
#include "fptq/Policy/Recipe.h"
#include "fptq/Support/InputFile.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/YAMLParser.h"

#include <cmath>

using namespace mlir::fptq;
using llvm::StringRef;
namespace yaml = llvm::yaml;

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

StringRef mlir::fptq::stringifyPolicyMode(PolicyMode mode) {
  static constexpr llvm::StringLiteral words[] = {"fptq", "static", "equalized", "per-token", "float"};
  return words[static_cast<int>(mode)];
}

std::optional<PolicyMode> mlir::fptq::parsePolicyMode(StringRef text) {
  return llvm::StringSwitch<std::optional<PolicyMode>>(text)
      .Case("fptq", PolicyMode::Fptq)
      .Case("static", PolicyMode::Static)
      .Case("equalized", PolicyMode::Equalized)
      .Cases({"per-token", "per_token"}, PolicyMode::PerToken)
      .Case("float", PolicyMode::Float)
      .Default(std::nullopt);
}

StringRef mlir::fptq::policyWord(PolicyKind kind) {
  return kind == PolicyKind::PerToken ? "per-token" : stringifyEnum(kind);
}

std::optional<SchemeKind> mlir::fptq::parseSchemeKind(StringRef text) {
  return text == "two-level" ? SchemeKind::TwoLevel : symbolizeSchemeKind(text);
}

std::optional<RaggedMode> mlir::fptq::parseRaggedMode(StringRef text) {
  return llvm::StringSwitch<std::optional<RaggedMode>>(text)
      .Case("pad", RaggedMode::Pad)
      .Case("adjust", RaggedMode::Adjust)
      .Case("error", RaggedMode::Error)
      .Default(std::nullopt);
}

//===----------------------------------------------------------------------===//
// Reading (YAML; JSON is a subset of it)
//===----------------------------------------------------------------------===//

namespace {
/// One pass over the document. The first error stops it.
class RecipeReader {
public:
  RecipeReader(StringRef text, StringRef file) : file(file), stream(text, sources) {
    sources.setDiagHandler(
        [](const llvm::SMDiagnostic &diag, void *reader) {
          static_cast<RecipeReader *>(reader)->fail(diag.getLineNo(), diag.getMessage());
        },
        this);
  }

  llvm::Expected<std::vector<RecipeRule>> read();

private:
  using KeyHandler = llvm::function_ref<void(StringRef key, yaml::Node *value)>;

  /// Calls `handle` for each key of `node`; a repeated key or a node that is no mapping is an error.
  void readMapping(yaml::Node *node, StringRef what, KeyHandler handle);
  void readRules(yaml::Node *node);
  void readRule(yaml::Node *node);
  void readRuleKey(RecipeRule &rule, StringRef key, yaml::Node *value);

  std::string scalar(StringRef key, yaml::Node *node);
  template <typename T>
  void readWord(std::optional<T> &field, StringRef key, yaml::Node *node, std::optional<T> (*parse)(StringRef),
                StringRef expected);
  void readNumber(std::optional<double> &field, StringRef key, yaml::Node *node);
  void readGroupSize(RecipeRule &rule, yaml::Node *node);
  void readKeepFloat(RecipeRule &rule, yaml::Node *node);

  int64_t lineOf(yaml::Node *node) {
    return node && node->getSourceRange().Start.isValid() ? sources.FindLineNumber(node->getSourceRange().Start) : 0;
  }
  void fail(int64_t line, const llvm::Twine &message) {
    if (error.empty())
      error = llvm::formatv("{0}:{1}: {2}", file, line, message.str()).str();
  }
  void failKey(yaml::Node *node, StringRef key, const llvm::Twine &message) {
    fail(lineOf(node), "key '" + key + "': " + message);
  }

  std::string file, error;
  llvm::SourceMgr sources;
  yaml::Stream stream;
  std::vector<RecipeRule> rules;
};
} // namespace

std::string RecipeReader::scalar(StringRef key, yaml::Node *node) {
  if (auto *block = llvm::dyn_cast_or_null<yaml::BlockScalarNode>(node))
    return block->getValue().rtrim('\n').str();
  llvm::SmallString<32> storage;
  if (auto *plain = llvm::dyn_cast_or_null<yaml::ScalarNode>(node))
    return plain->getValue(storage).str();
  failKey(node, key, "expected one value");
  return "";
}

void RecipeReader::readMapping(yaml::Node *node, StringRef what, KeyHandler handle) {
  auto *mapping = llvm::dyn_cast_or_null<yaml::MappingNode>(node);
  if (!mapping)
    return fail(lineOf(node), what + " must be a mapping of keys to values");
  llvm::StringSet<> seen;
  for (yaml::KeyValueNode &entry : *mapping) {
    std::string key = scalar(what, entry.getKey());
    if (!error.empty())
      return;
    if (!seen.insert(key).second)
      return failKey(entry.getKey(), key, "appears twice");
    handle(key, entry.getValue());
    if (!error.empty())
      return;
  }
}

template <typename T>
void RecipeReader::readWord(std::optional<T> &field, StringRef key, yaml::Node *node,
                            std::optional<T> (*parse)(StringRef), StringRef expected) {
  std::string text = scalar(key, node);
  field = parse(text);
  if (!field)
    failKey(node, key, "'" + text + "' is not one of " + expected);
}

void RecipeReader::readNumber(std::optional<double> &field, StringRef key, yaml::Node *node) {
  std::string text = scalar(key, node);
  double value = 0;
  if (StringRef(text).getAsDouble(value) || !std::isfinite(value) || value < 0)
    return failKey(node, key, "'" + text + "' is not a number >= 0");
  field = value;
}

void RecipeReader::readGroupSize(RecipeRule &rule, yaml::Node *node) {
  std::string text = scalar("group_size", node);
  int64_t size = 0;
  if (text != "channel" && (StringRef(text).getAsInteger(10, size) || size <= 0))
    return failKey(node, "group_size", "'" + text + "' is neither a positive integer nor 'channel'");
  rule.groupSize = size;
}

/// `keep_float: true` is the short form of `policy: float`; the two may not contradict each other.
void RecipeReader::readKeepFloat(RecipeRule &rule, yaml::Node *node) {
  std::optional<bool> keep;
  readWord<bool>(keep, "keep_float", node, yaml::parseBool, "true, false");
  if (!keep || !*keep)
    return;
  if (rule.policy && *rule.policy != PolicyMode::Float)
    return failKey(node, "keep_float", "contradicts policy '" + stringifyPolicyMode(*rule.policy) + "'");
  rule.policy = PolicyMode::Float;
}

void RecipeReader::readRuleKey(RecipeRule &rule, StringRef key, yaml::Node *value) {
  if (key == "match") {
    rule.match = scalar(key, value);
    llvm::Expected<llvm::Regex> pattern = parseLayerPattern(rule.match);
    pattern ? void(rule.regex = std::move(*pattern)) : failKey(value, key, llvm::toString(pattern.takeError()));
  } else if (key == "kind") {
    readWord(rule.kind, key, value, symbolizeLayerKind, "linear, lookup");
  } else if (key == "policy") {
    bool keepFloat = rule.policy == PolicyMode::Float;
    readWord(rule.policy, key, value, parsePolicyMode, "fptq, static, equalized, per-token, float");
    if (keepFloat && rule.policy != PolicyMode::Float)
      failKey(value, key, "contradicts keep_float");
  } else if (key == "scheme") {
    readWord(rule.scheme, key, value, parseSchemeKind, "group, two_level");
  } else if (key == "symmetric") {
    readWord<bool>(rule.symmetric, key, value, yaml::parseBool, "true, false");
  } else if (key == "method") {
    readWord(rule.method, key, value, symbolizeWeightMethod, "rtn, mse, stored");
  } else if (key == "ragged") {
    readWord(rule.ragged, key, value, parseRaggedMode, "pad, adjust, error");
  } else if (key == "v0") {
    readNumber(rule.v0, key, value);
  } else if (key == "v1") {
    readNumber(rule.v1, key, value);
  } else if (key == "group_size") {
    readGroupSize(rule, value);
  } else if (key == "keep_float") {
    readKeepFloat(rule, value);
  } else {
    failKey(
        value, key,
        "unknown; a rule has match, kind, policy, keep_float, v0, v1, scheme, group_size, symmetric, method, ragged");
  }
}

void RecipeReader::readRule(yaml::Node *node) {
  RecipeRule rule;
  rule.line = lineOf(node);
  readMapping(node, "a rule", [&](StringRef key, yaml::Node *value) {
    if (!rule.line)
      rule.line = lineOf(value);
    readRuleKey(rule, key, value);
  });
  if (rule.match.empty())
    return fail(rule.line, "key 'match': missing or empty");
  if (rule.v0 && rule.v1 && *rule.v0 > *rule.v1)
    return fail(rule.line, llvm::formatv("key 'v0': {0} is above v1 = {1}", *rule.v0, *rule.v1).str());
  if (rule.scheme == SchemeKind::TwoLevel && rule.symmetric.value_or(false))
    return fail(rule.line, "key 'symmetric': the two_level scheme has offsets and cannot be symmetric");
  if (rule.kind == LayerKind::Lookup &&
      (rule.v0 || rule.v1 || rule.policy.value_or(PolicyMode::Float) != PolicyMode::Float))
    return fail(rule.line, "key 'kind': a lookup has no activations, so its rule takes no v0, v1, or policy but float");
  rules.push_back(std::move(rule));
}

void RecipeReader::readRules(yaml::Node *node) {
  auto *sequence = llvm::dyn_cast_or_null<yaml::SequenceNode>(node);
  if (!sequence)
    return failKey(node, "rules", "expected a list of rules");
  for (yaml::Node &rule : *sequence) {
    readRule(&rule);
    if (!error.empty())
      return;
  }
}

llvm::Expected<std::vector<RecipeRule>> RecipeReader::read() {
  yaml::document_iterator document = stream.begin();
  yaml::Node *root = document == stream.end() ? nullptr : document->getRoot();
  bool versioned = false;
  readMapping(root, "a recipe", [&](StringRef key, yaml::Node *value) {
    if (key == "version") {
      versioned = true;
      if (std::string version = scalar(key, value); version != "1")
        failKey(value, key, "'" + version + "' is not supported, expected 1");
    } else if (key == "rules") {
      readRules(value);
    } else {
      failKey(value, key, "unknown; a recipe has version and rules");
    }
  });
  if (error.empty() && !versioned)
    fail(1, "key 'version': missing, expected 1");
  if (error.empty() && !stream.failed() && ++document != stream.end())
    fail(1, "more than one document, or text after the end of the first");
  if (stream.failed() && error.empty())
    fail(1, "not YAML");
  if (!error.empty())
    return llvm::createStringError(error);
  return std::move(rules);
}

llvm::Expected<Recipe> Recipe::parse(StringRef text, StringRef file) {
  llvm::Expected<std::vector<RecipeRule>> rules = RecipeReader(text, file).read();
  if (!rules)
    return rules.takeError();
  Recipe recipe;
  recipe.fileName = file.str();
  recipe.ruleList = std::move(*rules);
  return std::move(recipe);
}

llvm::Expected<Recipe> Recipe::load(StringRef path) {
  auto buffer = readInputFile(path);
  if (!buffer)
    return llvm::createStringError(path + ": " + llvm::toString(buffer.takeError()));
  return parse((*buffer)->getBuffer(), path);
}

const RecipeRule *Recipe::match(StringRef layer, LayerKind kind) const {
  for (const RecipeRule &rule : ruleList)
    if (rule.matches(layer, kind))
      return &rule;
  return nullptr;
}
