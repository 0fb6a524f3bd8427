//===- Policy.cpp - layer tables and profiles -----------------------------===//
#include "Internal.h"
#include "fptq/Policy/LayerPolicy.h"
#include "fptq/Policy/LayerTable.h"
#include "fptq/Profile/RangeProfile.h"

using namespace mlir::fptq;

static std::string print(const llvm::json::Value &value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text;
}

const char *fptqModuleLayers(FptqModule *module) {
  module->text = print(layerTable(*module->module));
  return module->text.c_str();
}

static llvm::Expected<llvm::json::Value> policiesOf(const char *path, const PolicyOptions &options,
                                                    const char *recipe) {
  auto profile = RangeProfile::load(path);
  if (!profile)
    return profile.takeError();
  if (!recipe || !*recipe)
    return decidePolicies(*profile, options, nullptr);
  auto rules = Recipe::load(recipe);
  if (!rules)
    return rules.takeError();
  return decidePolicies(*profile, options, &*rules);
}

const char *fptqPoliciesFromProfile(FptqContext *context, const char *path, double v0, double v1, const char *recipe) {
  context->error.clear();
  PolicyOptions options;
  options.v0 = v0;
  options.v1 = v1;
  auto table = policiesOf(path, options, recipe);
  if (!table) {
    context->fail(llvm::toString(table.takeError()));
    return nullptr;
  }
  context->text = print(*table);
  return context->text.c_str();
}

static llvm::Error merge(llvm::ArrayRef<const char *> paths, const char *out) {
  if (paths.empty())
    return llvm::createStringError("no profiles to merge");
  auto merged = RangeProfile::load(paths.front());
  if (!merged)
    return merged.takeError();
  for (const char *path : paths.drop_front()) {
    auto next = RangeProfile::load(path);
    if (!next)
      return next.takeError();
    if (llvm::Error error = merged->merge(*next, path))
      return error;
  }
  return merged->save(out);
}

int fptqProfilesMerge(FptqContext *context, const char *const *paths, size_t count, const char *out) {
  context->error.clear();
  if (llvm::Error error = merge({paths, count}, out)) {
    context->fail(llvm::toString(std::move(error)));
    return 1;
  }
  return 0;
}
