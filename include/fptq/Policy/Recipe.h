//===- Recipe.h - what the user decides per layer ----------------*- C++ -*-===//
//
// docs/Recipes.md: ordered rules on layer names, in YAML or JSON.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_POLICY_RECIPE_H
#define FPTQ_POLICY_RECIPE_H

#include "fptq/IR/Fptq.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/Regex.h"

#include <optional>
#include <string>
#include <vector>

namespace mlir::fptq {

/// Who decides the activation policy of a layer: its range (`Fptq`), or the user, for all layers alike.
enum class PolicyMode { Fptq, Static, Equalized, PerToken, Float };
/// What to do where K is not a multiple of the group size.
enum class RaggedMode { Pad, Adjust, Error };

/// fptq, static, equalized, per-token, float; the word recipes, options, reports and JSON share.
llvm::StringRef stringifyPolicyMode(PolicyMode mode);
std::optional<PolicyMode> parsePolicyMode(llvm::StringRef text);
/// The same word for a decision.
llvm::StringRef policyWord(PolicyKind kind);
/// `two-level` and `two_level` are both understood.
std::optional<SchemeKind> parseSchemeKind(llvm::StringRef text);
/// pad, adjust, error.
std::optional<RaggedMode> parseRaggedMode(llvm::StringRef text);

/// A regular expression (POSIX extended) on layer names. An error where its syntax is wrong, and where it would take
/// gigabytes: llvm::Regex writes the repetitions of `((a{1,255}){1,255}){1,255}` out.
llvm::Expected<llvm::Regex> parseLayerPattern(llvm::StringRef text);

/// One rule; what it leaves open is decided by the options of the run.
struct RecipeRule {
  std::string match;             ///< regular expression (POSIX extended), searched in the layer's name
  int64_t line = 0;              ///< of the rule in its file
  std::optional<LayerKind> kind; ///< only layers of this kind; open: of both
  std::optional<PolicyMode> policy;
  std::optional<double> v0, v1;
  std::optional<SchemeKind> scheme;
  std::optional<int64_t> groupSize; ///< 0: per channel
  std::optional<bool> symmetric;
  std::optional<WeightMethod> method;
  std::optional<RaggedMode> ragged;

  llvm::Regex regex;

  bool matches(llvm::StringRef layer, LayerKind of) const { return kind.value_or(of) == of && regex.match(layer); }
};

class Recipe {
public:
  /// Errors name file, line and key: bad syntax, unknown or repeated key, bad regex, bad value.
  static llvm::Expected<Recipe> load(llvm::StringRef path);
  static llvm::Expected<Recipe> parse(llvm::StringRef text, llvm::StringRef file);

  /// The first rule for a layer of this name and kind, or null.
  const RecipeRule *match(llvm::StringRef layer, LayerKind kind) const;

  llvm::StringRef file() const { return fileName; }
  llvm::ArrayRef<RecipeRule> rules() const { return ruleList; }

private:
  std::string fileName;
  std::vector<RecipeRule> ruleList;
};

} // namespace mlir::fptq

#endif // FPTQ_POLICY_RECIPE_H
