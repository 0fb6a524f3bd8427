/*===- GpuSimulator.h - GPU kernels on the CPU ---------------------*- C -*-===
 *
 * The launcher that `fptq-simulate-gpu` puts in the place of fptq_gpu_launch. It judges kernels, it is not fast:
 * blocks run one after the other, and every access to memory is checked. docs/NVPTX.md, "Simulator".
 *
 *===----------------------------------------------------------------------===*/
#ifndef FPTQ_RUNTIME_GPUSIMULATOR_H
#define FPTQ_RUNTIME_GPUSIMULATOR_H

#include "fptq-runtime/GpuLaunch.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A kernel as `fptq-simulate-gpu` leaves it; generated code holds a table of these. */
typedef struct FptqSimKernel {
  const char *name;
  void (*body)(void *const *arguments); /* arguments[i] points to the i-th parameter */
  int64_t arguments, static_shared;
  int64_t block[3];  /* required size of a block, or zeros */
  int64_t dependent; /* it may start while the kernel before still runs, and has to wait for it */
} FptqSimKernel;

/* Runs `launch` with the kernel of that name. What goes wrong is remembered, and nothing runs any more until
 * fptq_sim_clear. */
void fptq_sim_launch(const FptqGpuLaunch *launch, const FptqSimKernel *kernels, int64_t count);

/* The first error since fptq_sim_clear, or null. */
const char *fptq_sim_error(void);
void fptq_sim_clear(void);

/* Blocks run one after the other: as they are numbered (0, the default), or in an order that `seed` picks. */
void fptq_sim_set_block_order(uint32_t seed);

#ifdef __cplusplus
}
#endif

#endif /* FPTQ_RUNTIME_GPUSIMULATOR_H */
