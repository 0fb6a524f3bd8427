//===- Profile.cpp - ranges, policies, calibration ------------------------===//
#include "Internal.h"
#include "fptq/Policy/LayerPolicy.h"

using namespace mlir::fptq;
using namespace mlir::fptq::capi;

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

FptqProfile *fptqProfileLoad(FptqContext *context, const char *path) {
  if (isNull(context, __func__, "the context") || isNull(path, __func__, "the path"))
    return nullptr;
  Call call(context);
  auto profile = RangeProfile::load(path);
  if (!profile)
    return call.fail(profile.takeError());
  return new FptqProfile{context, std::move(*profile), {}};
}

void fptqProfileDestroy(FptqProfile *profile) { delete profile; }

size_t fptqProfileLayerCount(FptqProfile *profile) {
  return isNull(profile, __func__, "the profile") ? 0 : profile->profile.layers.size();
}

static FptqLayerRange describe(const LayerRange &layer) {
  return {layer.layer.c_str(),
          layer.channels,
          layer.tokens,
          layer.min,
          layer.max,
          layer.absmax,
          layer.channelAbsmax.empty() ? nullptr : layer.channelAbsmax.data()};
}

int fptqProfileLayer(FptqProfile *profile, size_t i, FptqLayerRange *range) {
  if (isNull(profile, __func__, "the profile") || isNull(range, __func__, "the range"))
    return 1;
  Call call(profile->owner);
  if (i >= profile->profile.layers.size())
    return call.fail("the profile has " + llvm::Twine(profile->profile.layers.size()) + " layers, no layer " +
                     llvm::Twine(i)),
           1;
  *range = describe(profile->profile.layers[i]);
  return 0;
}

int fptqProfileFind(FptqProfile *profile, const char *name, FptqLayerRange *range) {
  if (isNull(profile, __func__, "the profile") || isNull(name, __func__, "the name") ||
      isNull(range, __func__, "the range"))
    return 1;
  Call call(profile->owner);
  const LayerRange *layer = profile->profile.find(name);
  if (!layer)
    return call.fail("the profile has no layer '" + llvm::Twine(name) + "'"), 1;
  *range = describe(*layer);
  return 0;
}

//===----------------------------------------------------------------------===//
// Policies
//===----------------------------------------------------------------------===//

static llvm::Expected<llvm::json::Value> policiesOf(const RangeProfile &profile, double v0, double v1,
                                                    const char *recipe) {
  PolicyOptions options;
  options.v0 = v0;
  options.v1 = v1;
  if (!recipe || !*recipe)
    return decidePolicies(profile, options, nullptr);
  auto rules = Recipe::load(recipe);
  if (!rules)
    return rules.takeError();
  return decidePolicies(profile, options, &*rules);
}

static const char *policies(Call &call, const RangeProfile &profile, double v0, double v1, const char *recipe,
                            std::string &text) {
  auto table = policiesOf(profile, v0, v1, recipe);
  if (!table)
    return call.fail(table.takeError());
  text.clear();
  llvm::raw_string_ostream(text) << *table;
  return text.c_str();
}

const char *fptqProfilePolicies(FptqProfile *profile, double v0, double v1, const char *recipe) {
  if (isNull(profile, __func__, "the profile"))
    return nullptr;
  Call call(profile->owner);
  return policies(call, profile->profile, v0, v1, recipe, profile->text);
}

const char *fptqPoliciesFromProfile(FptqContext *context, const char *path, double v0, double v1, const char *recipe) {
  if (isNull(context, __func__, "the context") || isNull(path, __func__, "the path"))
    return nullptr;
  Call call(context);
  auto profile = RangeProfile::load(path);
  if (!profile)
    return call.fail(profile.takeError());
  return policies(call, *profile, v0, v1, recipe, context->text);
}

int fptqProfilesMerge(FptqContext *context, const char *const *paths, size_t count, const char *out) {
  if (isNull(context, __func__, "the context") || isNull(paths, __func__, "the list of paths") ||
      isNull(out, __func__, "the output"))
    return 1;
  for (const char *path : llvm::ArrayRef(paths, count))
    if (isNull(path, __func__, "a path"))
      return 1;
  Call call(context);
  auto merged = RangeProfile::loadMerged(llvm::SmallVector<llvm::StringRef>(paths, paths + count));
  if (!merged)
    return call.fail(merged.takeError()), 1;
  if (llvm::Error error = merged->save(out))
    return call.fail(std::move(error)), 1;
  return 0;
}

//===----------------------------------------------------------------------===//
// Calibration
//===----------------------------------------------------------------------===//

int fptqCalibrationStart(FptqContext *context, const char *observer) {
  if (isNull(context, __func__, "the context") || isNull(observer, __func__, "the observer"))
    return 1;
  Call call(context);
  auto recorder = ProfileRecorder::create(observer);
  if (!recorder)
    return call.fail(recorder.takeError()), 1;
  context->stopCalibration(); // one that failed on its way
  if (!Executable::startRecording(**recorder))
    return call.fail("another context of this process calibrates"), 1;
  context->recorder = std::move(*recorder);
  return 0;
}

int fptqCalibrationFinish(FptqContext *context, const char *path, const char *modelHash) {
  if (isNull(context, __func__, "the context") || isNull(path, __func__, "the path"))
    return 1;
  Call call(context);
  if (!context->recorder)
    return call.fail("no calibration was started"), 1;
  RangeProfile profile = context->recorder->profile();
  context->stopCalibration();
  if (profile.layers.empty())
    return call.fail("no layer was observed: nothing that observes ran between start and finish"), 1;
  profile.modelHash = modelHash ? modelHash : "";
  if (llvm::Error error = profile.save(path))
    return call.fail(std::move(error)), 1;
  return 0;
}
