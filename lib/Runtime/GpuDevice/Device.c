/*===- Device.c - the open device and its kernels -------------------------===*/
#include "Device.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const CudaDriver *fptq_cuda;
CuStream fptq_cuda_stream;

enum { kMaxModules = 256 };
static CuModule modules[kMaxModules];
static int module_count;
static FptqGpuDevice description;
static int opened = -1, remember, dependent;
static CuEvent before, after;
static double seconds;
static char message[1024];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A launch without a cached function asks the driver by name; few kernels are in use at a time. */
typedef struct Known {
  char name[128];
  CuFunction function;
  int64_t shared;
} Known;
static Known known[64];
static int known_count;

int fptq_cuda_fail(const char *format, ...) {
  if (message[0])
    return 1;
  va_list list;
  va_start(list, format);
  vsnprintf(message, sizeof message, format, list);
  va_end(list);
  return 1;
}

int fptq_cuda_check(CuResult result, const char *what) {
  if (!result)
    return 0;
  const char *text = NULL;
  if (!fptq_cuda || fptq_cuda->error_string(result, &text) || !text)
    text = "unknown error";
  return fptq_cuda_fail("%s: %s (CUDA error %d)", what, text, result);
}

const char *fptq_gpu_error(void) { return message[0] ? message : NULL; }
void fptq_gpu_clear(void) { message[0] = 0; }
void fptq_gpu_remember_errors(int on) { remember = on; }
void fptq_gpu_set_dependent_launches(int allow) { dependent = allow; }

double fptq_gpu_take_seconds(void) {
  double result = message[0] ? -1 : seconds;
  seconds = 0;
  return result;
}

static int describe(CuDevice device) {
  int shared = 0;
  if (fptq_cuda_check(fptq_cuda->device_name(description.name, sizeof description.name, device), "device name") ||
      fptq_cuda_check(fptq_cuda->device_attribute(&description.major, kCuComputeMajor, device), "device attribute") ||
      fptq_cuda_check(fptq_cuda->device_attribute(&description.minor, kCuComputeMinor, device), "device attribute") ||
      fptq_cuda_check(fptq_cuda->device_attribute(&shared, kCuSharedPerBlockOptin, device), "device attribute"))
    return 1;
  description.shared_bytes = shared;
  if (description.major < 8)
    return fptq_cuda_fail("device %s has compute capability %d.%d, 8.0 (sm_80) or newer is needed", description.name,
                          description.major, description.minor);
  return 0;
}

static int open_device(int ordinal) {
  const char *reason;
  int count = 0;
  CuDevice device;
  CuContext context;
  if (!(fptq_cuda = fptq_cuda_driver(&reason)))
    return fptq_cuda_fail("%s", reason);
  if (fptq_cuda_check(fptq_cuda->init(0), "starting the NVIDIA driver") ||
      fptq_cuda_check(fptq_cuda->device_count(&count), "counting devices"))
    return 1;
  if (ordinal < 0 || ordinal >= count)
    return fptq_cuda_fail("no NVIDIA device %d: the machine has %d", ordinal, count);
  return fptq_cuda_check(fptq_cuda->device_get(&device, ordinal), "opening the device") || describe(device) ||
         fptq_cuda_check(fptq_cuda->context_retain(&context, device), "making a context") ||
         fptq_cuda_check(fptq_cuda->context_set(context), "making a context") ||
         fptq_cuda_check(fptq_cuda->stream_create(&fptq_cuda_stream, 1), "making a stream") ||
         fptq_cuda_check(fptq_cuda->event_create(&before, 0), "making an event") ||
         fptq_cuda_check(fptq_cuda->event_create(&after, 0), "making an event");
}

int fptq_gpu_open(int ordinal, FptqGpuDevice *device) {
  if (opened != ordinal) {
    if (opened >= 0)
      return fptq_cuda_fail("device %d is open already, one at a time", opened);
    if (open_device(ordinal))
      return 1;
    opened = ordinal;
  }
  if (device)
    *device = description;
  return 0;
}

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
  int specific = 0, target = ptx_target(text, &specific), ours = description.major * 10 + description.minor;
  if (!target)
    return fptq_cuda_fail("'%s' is damaged: PTX without a .target", name);
  if (specific ? target != ours : target > ours)
    return fptq_cuda_fail("'%s' is for sm_%d%s, device %s is sm_%d", name, target, specific ? "a" : "",
                          description.name, ours);
  return 0;
}

/* What the driver would only call an invalid image. */
static int check_image(const char *image, size_t bytes, const char *name) {
  static const unsigned char kElf[] = {0x7f, 'E', 'L', 'F'}, kFatbin[] = {0x50, 0xed, 0x55, 0xba};
  if (bytes > 64 && (!memcmp(image, kElf, 4) || !memcmp(image, kFatbin, 4)))
    return 0;
  if (!bytes || image[bytes - 1] || !strstr(image, ".version"))
    return fptq_cuda_fail("'%s' is no PTX, cubin or fatbin", name);
  return check_ptx(image, name);
}

static int refused(CuResult result, const char *name, const char *log) {
  if (result == kCuNoBinaryForGpu)
    return fptq_cuda_fail("'%s' has no code for device %s (sm_%d%d)", name, description.name, description.major,
                          description.minor);
  if (result == kCuUnsupportedPtxVersion)
    return fptq_cuda_fail("'%s' needs a newer NVIDIA driver: its PTX version is unknown to this one", name);
  if (result == kCuInvalidImage || result == kCuInvalidPtx)
    return fptq_cuda_fail("'%s' is damaged: the driver refuses it%s%s", name, log[0] ? ": " : "", log);
  return fptq_cuda_check(result, name);
}

int fptq_gpu_load(const void *image, size_t bytes, const char *name) {
  char log[512] = "";
  int options[] = {kCuJitErrorLog, kCuJitErrorLogBytes};
  void *values[] = {log, (void *)(uintptr_t)(sizeof log - 1)};
  if (fptq_gpu_open(opened < 0 ? 0 : opened, NULL) || check_image(image, bytes, name))
    return 1;
  if (module_count == kMaxModules)
    return fptq_cuda_fail("'%s' is one of more than %d modules", name, kMaxModules);
  CuResult result = fptq_cuda->module_load(&modules[module_count], image, 2, options, values);
  if (result)
    return refused(result, name, log);
  ++module_count;
  return 0;
}

void fptq_gpu_forget_memory(void) {
  if (opened >= 0)
    fptq_cuda_forget_memory();
}

void fptq_gpu_unload(void) {
  if (opened < 0)
    return;
  fptq_cuda_forget_memory();
  while (module_count)
    fptq_cuda->module_unload(modules[--module_count]);
  known_count = 0;
}

static int find_function(const char *name, Known **result) {
  for (int i = 0; i < known_count; ++i)
    if (!strcmp(known[i].name, name))
      return *result = &known[i], 0;
  Known entry = {{0}, NULL, 48 * 1024};
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

static int launch_kernel(const FptqGpuLaunch *l, void **parameters) {
  Known *kernel;
  if (find_function(l->kernel, &kernel))
    return 1;
  if (l->shared_bytes > description.shared_bytes)
    return fptq_cuda_fail("kernel '%s' wants %lld bytes of shared memory, device %s has %lld", l->kernel,
                          (long long)l->shared_bytes, description.name, (long long)description.shared_bytes);
  if (l->shared_bytes > kernel->shared) {
    if (fptq_cuda_check(fptq_cuda->function_set(kernel->function, kCuMaxDynamicShared, (int)l->shared_bytes),
                        l->kernel))
      return 1;
    kernel->shared = l->shared_bytes;
  }
  CuLaunchAttribute attribute = {kCuProgrammaticSerialization, 0, {{0}}};
  attribute.value.number = 1;
  CuLaunchConfig config = {.shared_bytes = (uint32_t)l->shared_bytes,
                           .stream = fptq_cuda_stream,
                           .attributes = &attribute,
                           .attribute_count = dependent && description.major >= 9};
  for (int i = 0; i < 3; ++i) {
    config.grid[i] = (uint32_t)l->grid[i];
    config.block[i] = (uint32_t)l->block[i];
  }
  return fptq_cuda_check(fptq_cuda->event_record(before, fptq_cuda_stream), l->kernel) ||
         fptq_cuda_check(fptq_cuda->launch(&config, kernel->function, parameters, NULL), l->kernel) ||
         fptq_cuda_check(fptq_cuda->event_record(after, fptq_cuda_stream), l->kernel);
}

static int run(const FptqGpuLaunch *l) {
  FptqGpuRegion regions[kMaxGpuArguments];
  int region_of[kMaxGpuArguments];
  CuAddress places[kMaxGpuArguments];
  uint64_t values[kMaxGpuArguments];
  void *parameters[kMaxGpuArguments];
  int count = fptq_gpu_regions(l, regions, region_of);
  if (count < 0)
    return fptq_cuda_fail("kernel '%s' has more than %d arguments", l->kernel, kMaxGpuArguments);
  for (int i = 0; i < count; ++i)
    if (fptq_cuda_place(&regions[i], i, &places[i]))
      return 1;
  for (int i = 0; i < l->argument_count; ++i) {
    const FptqGpuArgument *a = &l->arguments[i];
    int r = region_of[i];
    values[i] = (uint64_t)a->value;
    if (fptq_gpu_is_host_buffer(a->kind))
      values[i] = r < 0 ? 0 : places[r] + (CuAddress)((char *)a->host - regions[r].host);
    else if (a->kind >= FPTQ_GPU_WORKSPACE && fptq_cuda_workspace(a, &values[i]))
      return 1;
    parameters[i] = &values[i];
  }
  if (launch_kernel(l, parameters))
    return 1;
  for (int i = 0; i < count; ++i)
    if (regions[i].written && !regions[i].temporary && regions[i].bytes)
      if (fptq_cuda_check(fptq_cuda->download(regions[i].host, places[i], (size_t)regions[i].bytes, fptq_cuda_stream),
                          l->kernel))
        return 1;
  /* Faults of a kernel show here, with its name while it is known. */
  if (fptq_cuda_check(fptq_cuda->stream_wait(fptq_cuda_stream), l->kernel))
    return 1;
  float milliseconds = 0;
  if (fptq_cuda_check(fptq_cuda->event_milliseconds(&milliseconds, before, after), l->kernel))
    return 1;
  seconds += milliseconds * 1e-3;
  return 0;
}

void fptq_gpu_launch(const FptqGpuLaunch *launch) {
  pthread_mutex_lock(&lock);
  if (!message[0] && launch->grid[0] * launch->grid[1] * launch->grid[2] > 0 &&
      !fptq_gpu_open(opened < 0 ? 0 : opened, NULL))
    run(launch);
  if (message[0] && !remember) {
    fprintf(stderr, "fptq-runtime: error: %s\n", message);
    exit(1);
  }
  pthread_mutex_unlock(&lock);
}
