/*===- CudaDriver.h - the part of CUDA's driver API we use ---------*- C -*-===
 *
 * Declared here, because machines without a toolkit have no cuda.h. The driver keeps these signatures and structures
 * stable; names with _v2 are what cuda.h maps the plain ones to.
 *
 *===----------------------------------------------------------------------===*/
#ifndef FPTQ_RUNTIME_GPUDEVICE_CUDADRIVER_H
#define FPTQ_RUNTIME_GPUDEVICE_CUDADRIVER_H

#include <stddef.h>
#include <stdint.h>

typedef int CuResult; /* 0: success */
typedef int CuDevice;
typedef uint64_t CuAddress;
typedef struct CuContextObject *CuContext;
typedef struct CuModuleObject *CuModule;
typedef struct CuFunctionObject *CuFunction;
typedef struct CuStreamObject *CuStream;
typedef struct CuEventObject *CuEvent;

enum {
  kCuInvalidImage = 200,
  kCuNoBinaryForGpu = 209,
  kCuInvalidPtx = 218,
  kCuUnsupportedPtxVersion = 222,
  kCuNotFound = 500
};
enum { kCuComputeMajor = 75, kCuComputeMinor = 76, kCuSharedPerBlockOptin = 97 }; /* CUdevice_attribute */
enum { kCuMaxDynamicShared = 8 };                                                 /* CUfunction_attribute */
enum { kCuJitErrorLog = 5, kCuJitErrorLogBytes = 6 };                             /* CUjit_option */
enum { kCuProgrammaticSerialization = 6 };                                        /* CUlaunchAttributeID */

typedef struct CuLaunchAttribute {
  int32_t id, padding;
  union {
    char bytes[64];
    int32_t number;
  } value;
} CuLaunchAttribute;

typedef struct CuLaunchConfig {
  uint32_t grid[3], block[3], shared_bytes;
  CuStream stream;
  CuLaunchAttribute *attributes;
  uint32_t attribute_count;
} CuLaunchConfig;

/* Member, symbol, parameters. */
#define FPTQ_CUDA_FUNCTIONS(F)                                                                                         \
  F(init, cuInit, (unsigned flags))                                                                                    \
  F(driver_version, cuDriverGetVersion, (int *version))                                                                \
  F(error_string, cuGetErrorString, (CuResult, const char **text))                                                     \
  F(device_count, cuDeviceGetCount, (int *count))                                                                      \
  F(device_get, cuDeviceGet, (CuDevice *, int ordinal))                                                                \
  F(device_name, cuDeviceGetName, (char *name, int bytes, CuDevice))                                                   \
  F(device_attribute, cuDeviceGetAttribute, (int *value, int attribute, CuDevice))                                     \
  F(context_retain, cuDevicePrimaryCtxRetain, (CuContext *, CuDevice))                                                 \
  F(context_release, cuDevicePrimaryCtxRelease_v2, (CuDevice))                                                         \
  F(context_push, cuCtxPushCurrent_v2, (CuContext))                                                                    \
  F(context_pop, cuCtxPopCurrent_v2, (CuContext *))                                                                    \
  F(module_load, cuModuleLoadDataEx, (CuModule *, const void *image, unsigned, int *options, void **values))           \
  F(module_unload, cuModuleUnload, (CuModule))                                                                         \
  F(module_function, cuModuleGetFunction, (CuFunction *, CuModule, const char *name))                                  \
  F(function_set, cuFuncSetAttribute, (CuFunction, int attribute, int value))                                          \
  F(launch, cuLaunchKernelEx, (const CuLaunchConfig *, CuFunction, void **parameters, void **extra))                   \
  F(allocate, cuMemAlloc_v2, (CuAddress *, size_t bytes))                                                              \
  F(release, cuMemFree_v2, (CuAddress))                                                                                \
  F(upload, cuMemcpyHtoDAsync_v2, (CuAddress, const void *from, size_t bytes, CuStream))                               \
  F(download, cuMemcpyDtoHAsync_v2, (void *to, CuAddress, size_t bytes, CuStream))                                     \
  F(copy, cuMemcpyDtoDAsync_v2, (CuAddress to, CuAddress from, size_t bytes, CuStream))                                \
  F(fill, cuMemsetD8Async, (CuAddress, unsigned char value, size_t bytes, CuStream))                                   \
  F(stream_create, cuStreamCreate, (CuStream *, unsigned flags))                                                       \
  F(stream_wait, cuStreamSynchronize, (CuStream))                                                                      \
  F(event_create, cuEventCreate, (CuEvent *, unsigned flags))                                                          \
  F(event_record, cuEventRecord, (CuEvent, CuStream))                                                                  \
  F(event_milliseconds, cuEventElapsedTime, (float *milliseconds, CuEvent start, CuEvent end))

typedef struct CudaDriver {
#define FPTQ_CUDA_MEMBER(member, symbol, parameters) CuResult(*member) parameters;
  FPTQ_CUDA_FUNCTIONS(FPTQ_CUDA_MEMBER)
#undef FPTQ_CUDA_MEMBER
} CudaDriver;

/* The driver, loaded once; null, with the reason in `*reason`, where there is none. */
const CudaDriver *fptq_cuda_driver(const char **reason);

#endif /* FPTQ_RUNTIME_GPUDEVICE_CUDADRIVER_H */
