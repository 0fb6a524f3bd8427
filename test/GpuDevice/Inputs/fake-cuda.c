/*===- fake-cuda.c - a libcuda.so.1 without a GPU -------------------------===
 *
 * Device memory is host memory with known bounds; kernels are the few functions below. Every call is checked against
 * the rules of the driver and written to $FAKE_CUDA_LOG. Environment: FAKE_CUDA_DEVICES (default 1), FAKE_CUDA_CHIP
 * (80), FAKE_CUDA_VERSION (13000), FAKE_CUDA_FAIL=FUNCTION:N=CODE (the N-th call of FUNCTION gives CODE).
 *
 *===----------------------------------------------------------------------===*/
#include "../../../lib/Runtime/GpuDevice/CudaDriver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  kInvalid = 1,
  kOutOfMemory = 2,
  kNotInitialized = 3,
  kNoDevice = 100,
  kInvalidContext = 201,
  kIllegalAddress = 700
};

static int initialized, retained, sticky;
static _Thread_local CuContext current[4]; /* a thread's stack of contexts */
static _Thread_local int depth;
static struct Allocation {
  char *base;
  size_t bytes;
} allocations[256];

static FILE *open_log(void) {
  static FILE *file;
  const char *path = getenv("FAKE_CUDA_LOG");
  if (!file && path)
    file = fopen(path, "w");
  return file;
}

static int number_of(const char *variable, int otherwise) {
  const char *text = getenv(variable);
  return text ? atoi(text) : otherwise;
}

/* Logs a call, and says what it is to give. */
static int enter(const char *function, const char *format, ...) {
  FILE *file = open_log();
  if (file) {
    va_list list;
    va_start(list, format);
    fprintf(file, "%s ", function);
    vfprintf(file, format, list);
    fprintf(file, "\n");
    fflush(file);
    va_end(list);
  }
  static int calls;
  const char *fail = getenv("FAKE_CUDA_FAIL");
  size_t length = strlen(function);
  int nth, code;
  if (fail && !strncmp(fail, function, length) && sscanf(fail + length, ":%d=%d", &nth, &code) == 2 && ++calls == nth)
    return code;
  return sticky;
}

#define ENTER(...)                                                                                                     \
  do {                                                                                                                 \
    int status = enter(__func__, __VA_ARGS__);                                                                         \
    if (status)                                                                                                        \
      return status;                                                                                                   \
    if (!initialized)                                                                                                  \
      return kNotInitialized;                                                                                          \
  } while (0)
#define ENTER_CONTEXT(...)                                                                                             \
  ENTER(__VA_ARGS__);                                                                                                  \
  if (!depth || current[depth - 1] != (CuContext) & retained || !retained)                                             \
  return kInvalidContext

static int inside(CuAddress address, size_t bytes) {
  char *p = (char *)(uintptr_t)address;
  for (int i = 0; i < 256; ++i)
    if (allocations[i].base && p >= allocations[i].base && p + bytes <= allocations[i].base + allocations[i].bytes)
      return 1;
  return 0;
}

CuResult cuInit(unsigned flags) {
  int status = enter(__func__, "%u", flags);
  if (status)
    return status;
  if (!number_of("FAKE_CUDA_DEVICES", 1))
    return kNoDevice;
  initialized = 1;
  return 0;
}

CuResult cuGetErrorString(CuResult result, const char **text) {
  *text = result == kOutOfMemory      ? "out of memory"
          : result == kNoDevice       ? "no CUDA-capable device is detected"
          : result == kIllegalAddress ? "an illegal memory access was encountered"
                                      : "fake error";
  return 0;
}

CuResult cuDeviceGetCount(int *count) {
  ENTER("");
  *count = number_of("FAKE_CUDA_DEVICES", 1);
  return 0;
}

CuResult cuDeviceGet(CuDevice *device, int ordinal) {
  ENTER("%d", ordinal);
  *device = ordinal;
  return 0;
}

CuResult cuDeviceGetName(char *name, int bytes, CuDevice device) {
  ENTER("%d", device);
  snprintf(name, bytes, "Fake");
  return 0;
}

CuResult cuDeviceGetAttribute(int *value, int attribute, CuDevice device) {
  ENTER("%d %d", attribute, device);
  int chip = number_of("FAKE_CUDA_CHIP", 80);
  *value = attribute == kCuComputeMajor ? chip / 10 : attribute == kCuComputeMinor ? chip % 10 : 160 * 1024;
  return 0;
}

CuResult cuDevicePrimaryCtxRetain(CuContext *context, CuDevice device) {
  ENTER("%d", device);
  *context = (CuContext)&retained;
  ++retained;
  return 0;
}

CuResult cuDevicePrimaryCtxRelease_v2(CuDevice device) {
  ENTER("%d", device);
  return retained-- ? 0 : kInvalidContext;
}

CuResult cuCtxPushCurrent_v2(CuContext context) {
  ENTER("");
  if (depth == sizeof current / sizeof *current)
    return kInvalid;
  current[depth++] = context;
  return 0;
}

CuResult cuCtxPopCurrent_v2(CuContext *context) {
  ENTER("");
  if (!depth)
    return kInvalidContext;
  *context = current[--depth];
  return 0;
}

/* For the test, which looks what is left. */
CuResult cuCtxGetCurrent(CuContext *context) {
  *context = depth ? current[depth - 1] : NULL;
  return 0;
}

CuResult cuDriverGetVersion(int *version) {
  ENTER("");
  *version = number_of("FAKE_CUDA_VERSION", 13000);
  return 0;
}

CuResult cuModuleLoadDataEx(CuModule *module, const void *image, unsigned count, int *options, void **values) {
  ENTER_CONTEXT("%u", count);
  for (unsigned i = 0; i < count; ++i)
    if (options[i] == kCuJitErrorLog)
      snprintf(values[i], 64, "line 7; error");
  if (strstr(image, "garbage"))
    return kCuInvalidPtx;
  *module = (CuModule)image;
  return 0;
}

CuResult cuModuleUnload(CuModule module) {
  ENTER_CONTEXT("");
  return module ? 0 : kInvalid;
}

/* twice(in, out, n): out[i] = 2 * in[i]. */
static int twice(void **parameters) {
  CuAddress in = *(CuAddress *)parameters[0], out = *(CuAddress *)parameters[1];
  int32_t n = *(int32_t *)parameters[2];
  if (!inside(in, 4 * n) || !inside(out, 4 * n))
    return kIllegalAddress;
  for (int32_t i = 0; i < n; ++i)
    ((int32_t *)(uintptr_t)out)[i] = 2 * ((int32_t *)(uintptr_t)in)[i];
  return 0;
}

/* A product's kernel (fptq/Conversion/FptqToNVGPU/Kernels.h), with weights that are all 1. */
static int ones(void **parameters) {
  CuAddress address[7];
  int32_t number[7];
  for (int i = 0; i < 7; ++i) {
    address[i] = *(CuAddress *)parameters[i];
    number[i] = *(int32_t *)parameters[7 + i];
  }
  int32_t q_stride = number[0], y_stride = number[3], m = number[4], n = number[5];
  if (!inside(address[0], m * q_stride) || !inside(address[1], 4 * m) || !inside(address[3], 1) ||
      !inside(address[6], 4 * ((m - 1) * y_stride + n)))
    return kIllegalAddress;
  for (int32_t t = 0; t < m; ++t) {
    const int8_t *q = (const int8_t *)(uintptr_t)address[0] + t * q_stride;
    float *y = (float *)(uintptr_t)address[6] + t * y_stride;
    int32_t sum = 0;
    for (int32_t k = 0; k < q_stride; ++k)
      sum += q[k];
    for (int32_t i = 0; i < n; ++i)
      y[i] = ((const float *)(uintptr_t)address[1])[t] * (float)sum;
  }
  return 0;
}

static struct CuFunctionObject {
  const char *name;
  int (*body)(void **);
  int shared;
} functions[] = {{"twice", twice, 48 * 1024}, {"fptq_sym_g32_f32_skinny8", ones, 48 * 1024}};

CuResult cuModuleGetFunction(CuFunction *function, CuModule module, const char *name) {
  ENTER_CONTEXT("%s", name);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i)
    if (!strcmp(functions[i].name, name))
      return *function = &functions[i], 0;
  return kCuNotFound;
}

CuResult cuFuncSetAttribute(CuFunction function, int attribute, int value) {
  ENTER_CONTEXT("%s %d %d", function->name, attribute, value);
  if (attribute != kCuMaxDynamicShared || value > 160 * 1024)
    return kInvalid;
  function->shared = value;
  return 0;
}

CuResult cuLaunchKernelEx(const CuLaunchConfig *config, CuFunction function, void **parameters, void **extra) {
  ENTER_CONTEXT("%s grid %u %u %u block %u %u %u shared %u attributes %u", function->name, config->grid[0],
                config->grid[1], config->grid[2], config->block[0], config->block[1], config->block[2],
                config->shared_bytes, config->attribute_count);
  if ((int)config->shared_bytes > function->shared)
    return kInvalid;
  /* A device says so at the next synchronization, and then for ever. */
  int status = function->body(parameters);
  if (status)
    sticky = status;
  return 0;
}

CuResult cuMemAlloc_v2(CuAddress *address, size_t bytes) {
  ENTER_CONTEXT("%zu", bytes);
  for (int i = 0; i < 256; ++i)
    if (!allocations[i].base) {
      allocations[i].base = aligned_alloc(256, (bytes + 255) / 256 * 256);
      allocations[i].bytes = bytes;
      memset(allocations[i].base, 0xcd, bytes);
      *address = (uintptr_t)allocations[i].base;
      return 0;
    }
  return kOutOfMemory;
}

CuResult cuMemFree_v2(CuAddress address) {
  ENTER_CONTEXT("");
  for (int i = 0; i < 256; ++i)
    if (address && (uintptr_t)allocations[i].base == address) {
      free(allocations[i].base);
      allocations[i].base = NULL;
      return 0;
    }
  return kInvalid;
}

CuResult cuMemcpyHtoDAsync_v2(CuAddress to, const void *from, size_t bytes, CuStream stream) {
  ENTER_CONTEXT("%zu", bytes);
  if (!inside(to, bytes) || !stream)
    return kInvalid;
  memcpy((void *)(uintptr_t)to, from, bytes);
  return 0;
}

CuResult cuMemcpyDtoHAsync_v2(void *to, CuAddress from, size_t bytes, CuStream stream) {
  ENTER_CONTEXT("%zu", bytes);
  if (!inside(from, bytes) || !stream)
    return kInvalid;
  memcpy(to, (void *)(uintptr_t)from, bytes);
  return 0;
}

CuResult cuMemcpyDtoDAsync_v2(CuAddress to, CuAddress from, size_t bytes, CuStream stream) {
  ENTER_CONTEXT("%zu", bytes);
  if (!inside(from, bytes) || !inside(to, bytes) || !stream)
    return kInvalid;
  memcpy((void *)(uintptr_t)to, (void *)(uintptr_t)from, bytes);
  return 0;
}

CuResult cuMemsetD8Async(CuAddress to, unsigned char value, size_t bytes, CuStream stream) {
  ENTER_CONTEXT("%u %zu", value, bytes);
  if (!inside(to, bytes) || !stream)
    return kInvalid;
  memset((void *)(uintptr_t)to, value, bytes);
  return 0;
}

CuResult cuStreamCreate(CuStream *stream, unsigned flags) {
  ENTER_CONTEXT("%u", flags);
  *stream = (CuStream)&initialized;
  return 0;
}

CuResult cuStreamSynchronize(CuStream stream) {
  ENTER_CONTEXT("");
  return stream ? 0 : kInvalid;
}

CuResult cuEventCreate(CuEvent *event, unsigned flags) {
  ENTER_CONTEXT("%u", flags);
  *event = (CuEvent)calloc(1, 1);
  return 0;
}

CuResult cuEventRecord(CuEvent event, CuStream stream) {
  ENTER_CONTEXT("");
  *(char *)event = 1;
  return 0;
}

CuResult cuEventElapsedTime(float *milliseconds, CuEvent start, CuEvent end) {
  ENTER_CONTEXT("");
  if (!*(char *)start || !*(char *)end)
    return kInvalid;
  *milliseconds = 0.5f;
  return 0;
}
