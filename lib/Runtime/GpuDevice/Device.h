/*===- Device.h - the open device ----------------------------------*- C -*-===*/
#ifndef FPTQ_RUNTIME_GPUDEVICE_DEVICE_H
#define FPTQ_RUNTIME_GPUDEVICE_DEVICE_H

#include "../GpuRegions.h"
#include "CudaDriver.h"
#include "fptq-runtime/GpuDevice.h"

/* Null until fptq_gpu_open has succeeded. */
extern const CudaDriver *fptq_cuda;
extern CuStream fptq_cuda_stream;

/* Sets fptq_gpu_error, unless there is one already; returns 1. */
int fptq_cuda_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* 0, or 1 with a message "WHAT: the driver's words". */
int fptq_cuda_check(CuResult result, const char *what);

/* DeviceMemory.c: the device's address of a region, whose contents are (to be) there. `slot` numbers the regions of a
 * launch. */
int fptq_cuda_place(const FptqGpuRegion *region, int slot, CuAddress *address);
/* The device's address of a workspace or of counters. Launches follow each other: all use the same. */
int fptq_cuda_workspace(const FptqGpuArgument *argument, CuAddress *address);
void fptq_cuda_forget_memory(void);

#endif /* FPTQ_RUNTIME_GPUDEVICE_DEVICE_H */
