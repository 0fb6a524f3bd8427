//===- Module.h - models in MLIR ----------------------------------*- C -*-===//
#ifndef FPTQ_C_MODULE_H
#define FPTQ_C_MODULE_H

#include "fptq-c/Support.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct FptqModule FptqModule;

/// Parses text or bytecode. Files of `fptq.parameters` are looked for beside `path`.
FPTQ_EXPORT FptqModule *fptqModuleParseFile(FptqContext *context, const char *path);
/// Parses `length` bytes of text or bytecode, which are copied.
FPTQ_EXPORT FptqModule *fptqModuleParse(FptqContext *context, const char *text, size_t length);
FPTQ_EXPORT FptqModule *fptqModuleClone(FptqModule *module);
FPTQ_EXPORT void fptqModuleDestroy(FptqModule *module);

/// Runs a textual pass pipeline, for example "fptq-raise,cse". Where it fails the module stays as it was.
FPTQ_EXPORT int fptqModuleRunPipeline(FptqModule *module, const char *pipeline);
/// Writes beside `path`, then renames; `bytecode` non-zero for MLIR bytecode.
FPTQ_EXPORT int fptqModuleWrite(FptqModule *module, const char *path, int bytecode);
/// The module as text, without the bytes of large resources.
FPTQ_EXPORT const char *fptqModuleText(FptqModule *module);
/// The layer table as JSON: {"layers": [{"name", "k", "n", "range", "policy", "reason", "group_size", "quantized",
/// "error_db"}], "counts": {"static": 4, ...}}; null for what is unknown.
FPTQ_EXPORT const char *fptqModuleLayers(FptqModule *module);
/// The module attribute `fptq.model_hash`, by which a profile knows its model; "" where there is none.
FPTQ_EXPORT const char *fptqModuleHash(FptqModule *module);

#ifdef __cplusplus
}
#endif

#endif // FPTQ_C_MODULE_H
