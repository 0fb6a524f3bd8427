/*===- GpuDevice.h - kernels on an NVIDIA device -------------------*- C -*-===
 *
 * Implements fptq_gpu_launch (fptq-runtime/GpuLaunch.h) with the driver's libcuda.so.1, which is loaded when the
 * first of these functions needs it: programs link against nothing of CUDA and start on any machine.
 *
 * Functions that return int give 0, or 1 and a text in fptq_gpu_error. One device a process. Any thread may call any
 * of them: they take turns, errors are the calling thread's, and the CUDA context that is current to it stays current.
 *
 *===----------------------------------------------------------------------===*/
#ifndef FPTQ_RUNTIME_GPUDEVICE_H
#define FPTQ_RUNTIME_GPUDEVICE_H

#include "fptq-runtime/GpuLaunch.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a device is. */
typedef struct FptqGpuDevice {
  char name[128];
  int major, minor;     /* compute capability: 8, 0 for sm_80 */
  int driver;           /* CUDA version of its driver: 12040 for 12.4 */
  int64_t shared_bytes; /* largest shared memory of a block */
} FptqGpuDevice;

/* Loads the driver and makes device `ordinal` current; again for the same device does nothing. */
int fptq_gpu_open(int ordinal, FptqGpuDevice *device);

/* Makes the kernels of `image` known: PTX text (null-terminated), a cubin or a fatbin. What fits no device of this
 * kind, or is damaged, is an error. `name` is for messages. */
int fptq_gpu_load(const void *image, size_t bytes, const char *name);

/* Forgets kernels, constants and temporaries, and frees their device memory. */
void fptq_gpu_unload(void);

/* Forgets constants: from now on their host addresses may be other data's. */
void fptq_gpu_forget_constants(void);

/* Forgets temporaries, and frees their device memory. Not while any thread is between the launch that writes one and
 * the launch that reads it. */
void fptq_gpu_forget_temporaries(void);

/* What goes wrong in fptq_gpu_launch: reported on stderr and the program ends with status 1 (default, 0), or
 * remembered, and this thread's launches do nothing any more until fptq_gpu_clear (1). */
void fptq_gpu_remember_errors(int remember);
/* This thread's first error since its fptq_gpu_clear, or null. */
const char *fptq_gpu_error(void);
void fptq_gpu_clear(void);

/* Launches that may start while the kernel before still runs (programmatic dependent launch, sm_90 on): kernels must
 * wait with griddepcontrol before they read what others write. A check of that: nothing overlaps here, as each launch
 * is waited for. Default: 0. */
void fptq_gpu_set_dependent_launches(int allow);

/* Device time of all launches since the last call, by events, in seconds; -1 where something failed. */
double fptq_gpu_take_seconds(void);

#ifdef __cplusplus
}
#endif

#endif /* FPTQ_RUNTIME_GPUDEVICE_H */
