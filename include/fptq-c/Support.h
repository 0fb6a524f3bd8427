//===- Support.h - versions, contexts, errors, tensors ------------*- C -*-===//
//
// What every other header of the C interface builds on; FptqC.h states the rules that hold for all.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_C_SUPPORT_H
#define FPTQ_C_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FPTQ_EXPORT __attribute__((visibility("default")))

typedef struct FptqContext FptqContext;

/// Element types, as numpy and safetensors know them. The last name makes every int a value of the enumeration, so
/// that a wrong one from C is an error and no undefined behaviour in C++.
typedef enum {
  FPTQ_DTYPE_INVALID = -1,
  FPTQ_F32,
  FPTQ_F16,
  FPTQ_BF16,
  FPTQ_F64,
  FPTQ_I8,
  FPTQ_I16,
  FPTQ_I32,
  FPTQ_I64,
  FPTQ_BOOL,
  FPTQ_DTYPE_ANY_INT = 0x7fffffff
} FptqDtype;

/// A contiguous row-major tensor. Rank 0 for scalars, whose `shape` may be NULL; `data` may be NULL where a
/// size is 0.
typedef struct {
  void *data;
  const int64_t *shape;
  int64_t rank;
  FptqDtype dtype;
} FptqTensor;

/// One diagnostic (severity 0 note, 1 warning, 2 error, 3 remark) as it is emitted; the text is not kept.
typedef void (*FptqDiagnosticHandler)(int severity, const char *text, void *userData);

/// "0.1.0".
FPTQ_EXPORT const char *fptqVersion(void);

/// All dialects and passes of quant-fptq and of upstream MLIR.
FPTQ_EXPORT FptqContext *fptqContextCreate(void);
/// Modules, profiles and executables made from the context outlive it; the handle itself does not.
FPTQ_EXPORT void fptqContextDestroy(FptqContext *context);
/// Also called for warnings and remarks, which fptqLastError leaves out. NULL: nobody listens.
FPTQ_EXPORT void fptqContextSetDiagnosticHandler(FptqContext *context, FptqDiagnosticHandler handler, void *userData);

/// Why the last call that does work (parses, runs passes, compiles, calls, reads or writes) on `context` or anything
/// made from it failed, or "" where it did not: a line for each error, with its location and notes. With NULL: why this
/// thread's last call failed, whatever it was about; that is also where to look after a call that had no context, such
/// as one with a null handle.
FPTQ_EXPORT const char *fptqLastError(FptqContext *context);

#ifdef __cplusplus
}
#endif

#endif // FPTQ_C_SUPPORT_H
