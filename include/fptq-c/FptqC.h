//===- FptqC.h - C interface of quant-fptq ------------------------*- C -*-===//
//
// Stability: functions are added, never changed, within a minor version (fptqVersion).
// Ownership: what a function named ...Create, ...Parse or ...Compile returns is the caller's and is
// given back by the matching ...Destroy, in any order but before its context. Strings that are
// returned stay valid until the next call on the same object.
// Threads: one context and what was made from it belong to one thread at a time; different contexts
// are independent.
// Errors: functions that can fail return NULL or non-zero, and fptqLastError tells why: every
// diagnostic with its location and notes, a line each. Nothing is printed and nothing exits.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_C_FPTQC_H
#define FPTQ_C_FPTQC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FPTQ_EXPORT __attribute__((visibility("default")))

typedef struct FptqContext FptqContext;
typedef struct FptqModule FptqModule;
typedef struct FptqExecutable FptqExecutable;
typedef struct FptqResults FptqResults;

/// Element types, as numpy and safetensors know them.
typedef enum { FPTQ_F32, FPTQ_F16, FPTQ_BF16, FPTQ_F64, FPTQ_I8, FPTQ_I16, FPTQ_I32, FPTQ_I64, FPTQ_BOOL } FptqDtype;

/// A contiguous row-major tensor; rank 0 for scalars.
typedef struct {
  void *data;
  const int64_t *shape;
  int64_t rank;
  FptqDtype dtype;
} FptqTensor;

/// One diagnostic (severity 0 note, 1 warning, 2 error, 3 remark) as it is emitted; never kept.
typedef void (*FptqDiagnosticHandler)(int severity, const char *text, void *userData);

FPTQ_EXPORT const char *fptqVersion(void);

/// All dialects and passes of quant-fptq and of upstream MLIR.
FPTQ_EXPORT FptqContext *fptqContextCreate(void);
FPTQ_EXPORT void fptqContextDestroy(FptqContext *context);
/// Also called for warnings and remarks, which fptqLastError leaves out.
FPTQ_EXPORT void fptqContextSetDiagnosticHandler(FptqContext *context, FptqDiagnosticHandler handler, void *userData);
/// Text of the last failure on this context or anything made from it; "" where there was none.
FPTQ_EXPORT const char *fptqLastError(FptqContext *context);

/// Parses text or bytecode. Files of `fptq.parameters` are looked for beside `path`.
FPTQ_EXPORT FptqModule *fptqModuleParseFile(FptqContext *context, const char *path);
FPTQ_EXPORT FptqModule *fptqModuleParse(FptqContext *context, const char *text, size_t length);
FPTQ_EXPORT FptqModule *fptqModuleClone(FptqModule *module);
FPTQ_EXPORT void fptqModuleDestroy(FptqModule *module);
/// Runs a textual pass pipeline on the module, for example "fptq-raise,cse".
FPTQ_EXPORT int fptqModuleRunPipeline(FptqModule *module, const char *pipeline);
/// Writes beside `path`, then renames; `bytecode` non-zero for MLIR bytecode.
FPTQ_EXPORT int fptqModuleWrite(FptqModule *module, const char *path, int bytecode);
/// The module as text, without the bytes of large resources.
FPTQ_EXPORT const char *fptqModuleText(FptqModule *module);
/// The layer table as JSON: {"layers": [{"name", "k", "n", "range", "policy", "group_size", "error_db"}]}.
FPTQ_EXPORT const char *fptqModuleLayers(FptqModule *module);

/// Compiles for `tier` ("auto": the machine's best; see fptq-x86-pipeline). Consumes nothing: the module
/// is cloned first. `threads` 1: no parallel loops; otherwise OpenMP, with that many threads (0: all cores).
FPTQ_EXPORT FptqExecutable *fptqCompile(FptqModule *module, const char *tier, int threads);
FPTQ_EXPORT void fptqExecutableDestroy(FptqExecutable *executable);
/// The tier that will run.
FPTQ_EXPORT const char *fptqExecutableTier(FptqExecutable *executable);
/// Signatures as JSON: [{"name", "arguments": [{"dtype", "shape"}], "results": [{"dtype", "shape", "alias"}]}];
/// a dynamic size is -1, `alias` the argument a result is the storage of, or -1.
FPTQ_EXPORT const char *fptqExecutableSignatures(FptqExecutable *executable);
/// Calls `entry`. Arguments marked writable by the model are updated in place.
FPTQ_EXPORT FptqResults *fptqExecutableCall(FptqExecutable *executable, const char *entry, const FptqTensor *arguments,
                                            size_t count);
FPTQ_EXPORT size_t fptqResultsCount(FptqResults *results);
/// Result `i`; its memory lives until fptqResultsDestroy, or is an argument's.
FPTQ_EXPORT FptqTensor fptqResultsGet(FptqResults *results, size_t i);
FPTQ_EXPORT void fptqResultsDestroy(FptqResults *results);

/// Records what `fptq.observe` sees from now on, in this process; observers: min-max, moving-average,
/// percentile, mse, entropy.
FPTQ_EXPORT int fptqCalibrationStart(FptqContext *context, const char *observer);
/// Writes the profile, with `modelHash` in it ("" for none), and stops recording.
FPTQ_EXPORT int fptqCalibrationFinish(FptqContext *context, const char *path, const char *modelHash);

/// Policies from ranges alone: the table of fptqModuleLayers for every layer of the profile at `path`
/// (ours or a foreign one), with thresholds `v0` and `v1` and a recipe file ("" for none); NULL on failure.
FPTQ_EXPORT const char *fptqPoliciesFromProfile(FptqContext *context, const char *path, double v0, double v1,
                                                const char *recipe);

/// Merges `count` profiles of one model (maxima of maxima, sums of counts) into `out`.
FPTQ_EXPORT int fptqProfilesMerge(FptqContext *context, const char *const *paths, size_t count, const char *out);

#ifdef __cplusplus
}
#endif

#endif // FPTQ_C_FPTQC_H
