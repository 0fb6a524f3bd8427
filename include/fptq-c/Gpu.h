//===- Gpu.h - C interface: NVIDIA devices ------------------------*- C -*-===//
//
// A module is compiled for a device by fptqCompile with tier "nvptx" (the device's own chip) or "nvptx:CHIP", and
// for the simulator with "nvptx-sim" or "nvptx-sim:CHIP". The driver is loaded when it is needed; programs that never
// ask run anywhere.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_C_GPU_H
#define FPTQ_C_GPU_H

#include "fptq-c/FptqC.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The device as JSON: {"name", "chip", "shared_bytes"}; NULL, with fptqLastError saying why, where there is no driver
/// or no device of sm_80 or newer. From then on a device's errors are fptqLastError's in this process: compiled code
/// does not print them.
FPTQ_EXPORT const char *fptqGpuDevice(FptqContext *context);

/// Device time of all kernels since the last call, in seconds; -1 where one failed.
FPTQ_EXPORT double fptqGpuTakeSeconds(void);

#ifdef __cplusplus
}
#endif

#endif // FPTQ_C_GPU_H
