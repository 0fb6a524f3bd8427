/*===- Modules.c - images of kernels, and the functions in them -----------===*/
#include "Device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kMaxModules = 256 };
static CuModule modules[kMaxModules];
static int module_count;

/* A launch without a cached function asks the driver by name; few kernels are in use at a time. */
static DeviceFunction known[64];
static int known_count;

/* The number behind `.target sm_`, and whether the code is for that chip alone ("a"). */
static int ptx_target(const char *text, int *architecture_specific) {
  const char *target = strstr(text, ".target sm_");
  char *end;
  if (!target)
    return 0;
  int number = (int)strtol(target + strlen(".target sm_"), &end, 10);
  *architecture_specific = *end == 'a';
  return number;
}

static int check_ptx(const char *text, const char *name) {
  const FptqGpuDevice *device = &fptq_cuda_device;
  int specific = 0, target = ptx_target(text, &specific), ours = device->major * 10 + device->minor;
  if (!target)
    return fptq_cuda_fail("'%s' is damaged: PTX without a .target", name);
  if (specific ? target != ours : target > ours)
    return fptq_cuda_fail("'%s' is for sm_%d%s, device %s is sm_%d", name, target, specific ? "a" : "", device->name,
                          ours);
  return 0;
}

static int is_binary(const char *image, size_t bytes) {
  static const unsigned char kElf[] = {0x7f, 'E', 'L', 'F'}, kFatbin[] = {0x50, 0xed, 0x55, 0xba};
  return bytes > 64 && (!memcmp(image, kElf, 4) || !memcmp(image, kFatbin, 4));
}

/* What the driver would only call an invalid image. */
static int check_image(const char *image, size_t bytes, const char *name) {
  if (is_binary(image, bytes))
    return 0;
  if (!bytes || image[bytes - 1] || !strstr(image, ".version"))
    return fptq_cuda_fail("'%s' is no PTX, cubin or fatbin", name);
  return check_ptx(image, name);
}

/* Which version of PTX, and what the driver knows: without both nobody can tell which driver would do. */
static int too_new(const char *image, size_t bytes, const char *name) {
  char version[16] = "";
  if (!is_binary(image, bytes))
    sscanf(strstr(image, ".version"), ".version %15[0-9.]", version);
  return fptq_cuda_fail("'%s' needs a newer NVIDIA driver: this one, of CUDA %d.%d, does not know %s%s", name,
                        fptq_cuda_device.driver / 1000, fptq_cuda_device.driver % 1000 / 10,
                        version[0] ? "PTX " : "its version", version);
}

static int refused(CuResult result, const char *image, size_t bytes, const char *name, const char *log) {
  if (result == kCuNoBinaryForGpu)
    return fptq_cuda_fail("'%s' has no code for device %s (sm_%d%d)", name, fptq_cuda_device.name,
                          fptq_cuda_device.major, fptq_cuda_device.minor);
  if (result == kCuUnsupportedPtxVersion)
    return too_new(image, bytes, name);
  if (result == kCuInvalidImage || result == kCuInvalidPtx)
    return fptq_cuda_fail("'%s' is damaged: the driver refuses it%s%s", name, log[0] ? ": " : "", log);
  return fptq_cuda_check(result, name);
}

int fptq_cuda_load(const void *image, size_t bytes, const char *name) {
  char log[512] = "";
  int options[] = {kCuJitErrorLog, kCuJitErrorLogBytes};
  void *values[] = {log, (void *)(uintptr_t)(sizeof log - 1)};
  if (check_image(image, bytes, name))
    return 1;
  if (module_count == kMaxModules)
    return fptq_cuda_fail("'%s' is one of more than %d modules", name, kMaxModules);
  CuResult result = fptq_cuda->module_load(&modules[module_count], image, 2, options, values);
  if (result)
    return refused(result, image, bytes, name, log);
  ++module_count;
  return 0;
}

void fptq_cuda_unload(void) {
  while (module_count)
    fptq_cuda->module_unload(modules[--module_count]);
  known_count = 0;
}

int fptq_cuda_function(const char *name, DeviceFunction **result) {
  for (int i = 0; i < known_count; ++i)
    if (!strcmp(known[i].name, name))
      return *result = &known[i], 0;
  DeviceFunction entry = {{0}, NULL, 48 * 1024};
  snprintf(entry.name, sizeof entry.name, "%s", name);
  for (int i = module_count; i-- && !entry.function;) {
    CuResult status = fptq_cuda->module_function(&entry.function, modules[i], name);
    if (status && status != kCuNotFound)
      return fptq_cuda_check(status, name);
    if (status)
      entry.function = NULL;
  }
  if (!entry.function)
    return fptq_cuda_fail("no kernel '%s' in the %d modules that are loaded", name, module_count);
  if (known_count == sizeof known / sizeof *known)
    known_count = 0; /* asked again when they come back */
  known[known_count] = entry;
  *result = &known[known_count++];
  return 0;
}
