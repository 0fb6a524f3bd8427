//===- Dialect.h - quant-fptq inside a stack on MLIR's C API ------*- C -*-===//
//
// For programs that have an MlirContext already, from mlirContextCreate of the same libFPTQ-C.so. A context of
// another copy of MLIR in the process is another type: it cannot be passed here.
//
// A pass or a pipeline is added by its name, once fptqRegisterPasses was called:
//
//   mlirParsePassPipeline(mlirPassManagerGetAsOpPassManager(pm),
//                         mlirStringRefCreateFromCString("builtin.module(fptq-raise)"), print, NULL);
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_C_DIALECT_H
#define FPTQ_C_DIALECT_H

#include "fptq-c/Module.h"
#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The fptq dialect; inserting the handle into a registry is fptqRegisterDialects.
MLIR_DECLARE_CAPI_DIALECT_REGISTRATION(Fptq, fptq);

/// Adds quant-fptq's dialects and their external models; upstream's are mlirRegisterAllDialects.
FPTQ_EXPORT void fptqRegisterDialects(MlirDialectRegistry registry);
/// Makes quant-fptq's passes and pipelines known by name; upstream's are mlirRegisterAllPasses.
FPTQ_EXPORT void fptqRegisterPasses(void);

/// A context of ours around `context`, which stays the caller's and must live longer than everything made from
/// it. Every dialect of upstream and ours is registered with it. Its diagnostics are heard during calls of this
/// API only.
FPTQ_EXPORT FptqContext *fptqContextFromMlir(MlirContext context);
/// MLIR's view of a context, which stays ours.
FPTQ_EXPORT MlirContext fptqContextGetMlir(FptqContext *context);

/// Takes `module` over; NULL, and `module` stays the caller's, where it belongs to another context.
FPTQ_EXPORT FptqModule *fptqModuleFromMlir(FptqContext *context, MlirModule module);
/// MLIR's view of a module: ours, and valid until the next fptqModuleRunPipeline or fptqModuleDestroy.
FPTQ_EXPORT MlirModule fptqModuleGetMlir(FptqModule *module);

#ifdef __cplusplus
}
#endif

#endif // FPTQ_C_DIALECT_H
