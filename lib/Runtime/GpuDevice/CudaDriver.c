/*===- CudaDriver.c - loads libcuda when it is needed ---------------------===*/
#include "CudaDriver.h"

#include <dlfcn.h>
#include <stdio.h>

static char why[512];

/* The driver of that many functions; the first that is missing ends it. */
static int load(CudaDriver *driver) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(why, sizeof why, "no NVIDIA driver on this machine: %s", dlerror());
    return 1;
  }
#define FPTQ_CUDA_LOAD(member, symbol, parameters)                                                                     \
  if (!(*(void **)&driver->member = dlsym(library, #symbol))) {                                                        \
    snprintf(why, sizeof why, "the NVIDIA driver has no %s: CUDA 11.8 or newer is needed", #symbol);                   \
    return 1;                                                                                                          \
  }
  FPTQ_CUDA_FUNCTIONS(FPTQ_CUDA_LOAD)
#undef FPTQ_CUDA_LOAD
  return 0;
}

const CudaDriver *fptq_cuda_driver(const char **reason) {
  static CudaDriver driver;
  static int state; /* 1 loaded, 2 failed */
  if (!state)
    state = load(&driver) ? 2 : 1;
  *reason = why;
  return state == 1 ? &driver : NULL;
}
