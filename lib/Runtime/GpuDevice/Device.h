/*===- Device.h - the open device ----------------------------------*- C -*-===*/
#ifndef FPTQ_RUNTIME_GPUDEVICE_DEVICE_H
#define FPTQ_RUNTIME_GPUDEVICE_DEVICE_H

#include "../GpuRegions.h"
#include "CudaDriver.h"
#include "fptq-runtime/GpuDevice.h"

/* Of the open device. Functions below are called with its context current and Device.c's lock held. */
extern const CudaDriver *fptq_cuda;
extern CuStream fptq_cuda_stream;
extern FptqGpuDevice fptq_cuda_device;

/* Sets this thread's fptq_gpu_error, unless there is one already; returns 1. */
int fptq_cuda_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* 0, or 1 with a message "WHAT: the driver's words". */
int fptq_cuda_check(CuResult result, const char *what);

/* Modules.c: a kernel, and the dynamic shared memory it may be launched with. */
typedef struct DeviceFunction {
  char name[128];
  CuFunction function;
  int64_t shared;
} DeviceFunction;

int fptq_cuda_load(const void *image, size_t bytes, const char *name);
void fptq_cuda_unload(void);
int fptq_cuda_function(const char *name, DeviceFunction **result);

/* DeviceMemory.c: the device's address of a region, whose contents are (to be) there. `slot` numbers the regions of a
 * launch. */
int fptq_cuda_place(const FptqGpuRegion *region, int slot, CuAddress *address);
/* The device's address of a workspace or of counters. Launches follow each other: all use the same. */
int fptq_cuda_workspace(const FptqGpuArgument *argument, CuAddress *address);
void fptq_cuda_forget_constants(void);
void fptq_cuda_forget_temporaries(void);
void fptq_cuda_forget_memory(void);

#endif /* FPTQ_RUNTIME_GPUDEVICE_DEVICE_H */
