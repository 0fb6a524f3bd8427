//===- Profile.h - profiled ranges and the policies they decide ---*- C -*-===//
#ifndef FPTQ_C_PROFILE_H
#define FPTQ_C_PROFILE_H

#include "fptq-c/Support.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct FptqProfile FptqProfile;

/// Ranges of one layer's input, in the units of the activations. Pointers live as long as the profile.
typedef struct {
  const char *layer;
  int64_t channels; ///< input channels (K); 0 where only the whole tensor is known
  int64_t tokens;   ///< rows seen; 0 where unknown
  double min, max;
  double absmax;              ///< max |x| after the observer
  const float *channelAbsmax; ///< `channels` values, or NULL
} FptqLayerRange;

/// Reads a profile, ours or a foreign one (docs/ProfileFormat.md).
FPTQ_EXPORT FptqProfile *fptqProfileLoad(FptqContext *context, const char *path);
FPTQ_EXPORT void fptqProfileDestroy(FptqProfile *profile);
FPTQ_EXPORT size_t fptqProfileLayerCount(FptqProfile *profile);
/// The layer that ran as number `i`; non-zero where there is none.
FPTQ_EXPORT int fptqProfileLayer(FptqProfile *profile, size_t i, FptqLayerRange *range);
/// The layer called `name`; non-zero where there is none.
FPTQ_EXPORT int fptqProfileFind(FptqProfile *profile, const char *name, FptqLayerRange *range);

/// Policies from ranges alone: the table of fptqModuleLayers for every layer of the profile, with thresholds
/// `v0` and `v1` and a recipe file ("" for none); NULL on failure.
FPTQ_EXPORT const char *fptqProfilePolicies(FptqProfile *profile, double v0, double v1, const char *recipe);
/// The same for the profile at `path`.
FPTQ_EXPORT const char *fptqPoliciesFromProfile(FptqContext *context, const char *path, double v0, double v1,
                                                const char *recipe);

/// Merges `count` profiles of one model (maxima of maxima, sums of counts) into `out`.
FPTQ_EXPORT int fptqProfilesMerge(FptqContext *context, const char *const *paths, size_t count, const char *out);

/// Records what `fptq.observe` sees from now on, in all of this process; fails where another context does. One that
/// this context began is dropped. Observers: min-max, moving-average, percentile, mse, entropy.
FPTQ_EXPORT int fptqCalibrationStart(FptqContext *context, const char *observer);
/// Writes the profile, with `modelHash` in it ("" for none), and stops recording.
FPTQ_EXPORT int fptqCalibrationFinish(FptqContext *context, const char *path, const char *modelHash);

#ifdef __cplusplus
}
#endif

#endif // FPTQ_C_PROFILE_H
