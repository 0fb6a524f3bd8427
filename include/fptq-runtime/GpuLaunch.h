/*===- GpuLaunch.h - what compiled host code hands to a GPU launcher -*- C -*-===
 *
 * Plain C, no LLVM and no CUDA. `convert-fptq-to-nvgpu` turns each product and each activation quantization into
 * one call of fptq_gpu_launch. Two programs implement it: the device runtime (libcuda, loaded when it is there) and
 * the simulator. Generated code writes these structures field by field: their order is part of the ABI.
 *
 *===----------------------------------------------------------------------===*/
#ifndef FPTQ_RUNTIME_GPULAUNCH_H
#define FPTQ_RUNTIME_GPULAUNCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a kernel parameter is. Buffers become 64-bit addresses of global memory, a null buffer a null address. Buffers
 * of one launch with the same host address are the same memory. */
typedef enum FptqGpuArgumentKind {
  FPTQ_GPU_INPUT,     /* read by the kernel; the host may have written it since the last launch */
  FPTQ_GPU_OUTPUT,    /* every byte the kernel does not write keeps its value; the host reads it after the launch */
  FPTQ_GPU_INOUT,     /* both */
  FPTQ_GPU_CONSTANT,  /* never changes while the program runs (weights, biases): may be kept on the device */
  FPTQ_GPU_TEMPORARY, /* only kernels read and write it, each time written before it is read: may live on the device */
  FPTQ_GPU_I32,       /* 32-bit parameter: low half of `value` */
  FPTQ_GPU_I64,
  FPTQ_GPU_F32,       /* bits of a float: low half of `value` */
  FPTQ_GPU_PARAMETER, /* an input that no kernel ever wrote (weights that the caller hands over): may be read while the
                         kernel before still runs */
  FPTQ_GPU_WORKSPACE, /* `bytes` of the launcher's device memory for this launch, whatever is in it; `host` is null. At
                         most one a launch */
  FPTQ_GPU_COUNTERS   /* the same, but all bytes are 0 before the kernel, and it leaves them 0 */
} FptqGpuArgumentKind;

typedef struct FptqGpuArgument {
  int64_t kind;  /* FptqGpuArgumentKind */
  int64_t value; /* scalars; 0 for buffers */
  void *host;    /* buffers: host address of the first byte, or null */
  int64_t bytes; /* buffers: from the first byte to behind the last that a kernel may touch */
} FptqGpuArgument;

/* One launch. Launches happen in the order of the calls; a call returns when its outputs are on the host. */
typedef struct FptqGpuLaunch {
  const char *kernel; /* function of the gpu.module; the name determines the code for a given chip */
  int64_t grid[3], block[3];
  int64_t shared_bytes; /* dynamic shared memory; above 48 KiB the function's attribute has to be raised */
  int64_t argument_count;
  const FptqGpuArgument *arguments; /* in the order of the kernel's parameters */
} FptqGpuLaunch;

/* Runs one kernel. There is no error to return to generated code: an implementation reports what went wrong and ends
 * the program, or remembers it for its own caller. A grid of 0 blocks (no rows) is no launch and no error. */
void fptq_gpu_launch(const FptqGpuLaunch *launch);

#ifdef __cplusplus
}
#endif

#endif /* FPTQ_RUNTIME_GPULAUNCH_H */
