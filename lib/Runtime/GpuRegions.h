/*===- GpuRegions.h - host memory that a launch uses ---------------*- C -*-===*/
#ifndef FPTQ_RUNTIME_GPUREGIONS_H
#define FPTQ_RUNTIME_GPUREGIONS_H

#include "fptq-runtime/GpuLaunch.h"

enum { kMaxGpuArguments = 32 };

/* Kinds whose `host` counts (and may be null), and those that kernels write. */
static inline int fptq_gpu_is_host_buffer(int64_t kind) {
  return kind <= FPTQ_GPU_TEMPORARY || kind == FPTQ_GPU_PARAMETER;
}
static inline int fptq_gpu_is_written(int64_t kind) {
  return kind != FPTQ_GPU_INPUT && kind != FPTQ_GPU_CONSTANT && kind != FPTQ_GPU_PARAMETER;
}

/* A stretch of host memory behind one or more arguments. */
typedef struct FptqGpuRegion {
  char *host;
  int64_t bytes;
  int read, written, constant, temporary;
} FptqGpuRegion;

/* Joins arguments that overlap, so that on the device they overlap too (a residual added in place). Constants are
 * never joined with others. region_of[i] is the region of argument i, or -1 for scalars and null buffers. Returns the
 * number of regions, or -1 where the launch has more than kMaxGpuArguments arguments. */
int fptq_gpu_regions(const FptqGpuLaunch *launch, FptqGpuRegion *regions, int *region_of);

#endif /* FPTQ_RUNTIME_GPUREGIONS_H */
