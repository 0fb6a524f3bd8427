//===- Compile.h - machine code: in this process, or in a file ----*- C -*-===//
#ifndef FPTQ_C_COMPILE_H
#define FPTQ_C_COMPILE_H

#include "fptq-c/Module.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct FptqExecutable FptqExecutable;
typedef struct FptqResults FptqResults;

//===----------------------------------------------------------------------===//
// In this process
//===----------------------------------------------------------------------===//

/// Compiles for `tier` ("auto": the machine's best CPU tier; see fptq-x86-pipeline; "nvptx" and "nvptx-sim": a
/// GPU and its simulator). Consumes nothing: the module is cloned first. `threads` 1: no parallel loops; otherwise
/// OpenMP, with that many threads in its calls (at most 4096; 0: as many as OpenMP has by itself, all cores or
/// OMP_NUM_THREADS).
FPTQ_EXPORT FptqExecutable *fptqCompile(FptqModule *module, const char *tier, int threads);
FPTQ_EXPORT void fptqExecutableDestroy(FptqExecutable *executable);
/// The tier that will run.
FPTQ_EXPORT const char *fptqExecutableTier(FptqExecutable *executable);
/// Signatures as JSON: [{"name", "arguments": [{"dtype", "shape"}], "results": [{"dtype", "shape", "alias"}]}];
/// a dynamic size is -1, `alias` the argument a result is the storage of, or -1.
FPTQ_EXPORT const char *fptqExecutableSignatures(FptqExecutable *executable);
/// Calls `entry`. Ranks, static sizes and element types are checked against its signature; that dynamic sizes
/// of several arguments agree where the model needs it is the caller's promise. Arguments marked writable by
/// the model are updated in place.
FPTQ_EXPORT FptqResults *fptqExecutableCall(FptqExecutable *executable, const char *entry, const FptqTensor *arguments,
                                            size_t count);
FPTQ_EXPORT size_t fptqResultsCount(FptqResults *results);
/// Result `i`; its memory lives until fptqResultsDestroy, or is an argument's. All zero where there is none.
FPTQ_EXPORT FptqTensor fptqResultsGet(FptqResults *results, size_t i);
FPTQ_EXPORT void fptqResultsDestroy(FptqResults *results);

//===----------------------------------------------------------------------===//
// In a file
//===----------------------------------------------------------------------===//

/// What code in a file is made for. Zero everywhere means the defaults.
typedef struct {
  const char *tiers; ///< joined by '+'; with several the program picks when it starts; NULL: all
  const char *cpu;   ///< of everything but the kernels, by LLVM's name; NULL: x86-64-v3
  int noThreads;     ///< non-zero: no OpenMP
} FptqEmitOptions;

/// Writes the object file `path` (.o) and beside it a C header of the module's public functions (.h). Programs
/// link it with libfptq-runtime.a, and with OpenMP's runtime unless `noThreads`. `options` may be NULL.
FPTQ_EXPORT int fptqEmitObject(FptqModule *module, const char *path, const FptqEmitOptions *options);
/// The same as a shared library (.so), linked by the `clang-22` or `cc` on PATH.
FPTQ_EXPORT int fptqEmitSharedLibrary(FptqModule *module, const char *path, const FptqEmitOptions *options);
/// Writes the NVPTX kernels that a quantized module needs (not its host code) for `chips`, as in "sm_80,sm_90a".
/// `format` is "ptx", which needs no CUDA, "cubin" (needs ptxas) or "fatbin" (and fatbinary). One chip: `path`
/// itself; several: a fatbin holds them all, of PTX and cubins each gets a file with the chip's name before the suffix.
/// `path`.json lists the kernels: {"kernels": [{"name", "function", "chip", "registers", "spill_bytes", "shared_bytes",
/// "threads", "tile", "slices", "workspace_bytes"}]}; registers and spills are null where ptxas was not found.
FPTQ_EXPORT int fptqEmitNVPTX(FptqModule *module, const char *chips, const char *format, const char *path);

#ifdef __cplusplus
}
#endif

#endif // FPTQ_C_COMPILE_H
