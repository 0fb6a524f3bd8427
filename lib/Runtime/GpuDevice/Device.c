/*===- Device.c - the open device and launches on it ----------------------===
 *
 * Public functions take a lock and make the device's primary context current for as long as they run: a context is
 * current to a thread, not to a process, and a caller (PyTorch, say) may have one of its own. What went wrong is the
 * thread's too.
 *
 *===----------------------------------------------------------------------===*/
#include "Device.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const CudaDriver *fptq_cuda;
CuStream fptq_cuda_stream;
FptqGpuDevice fptq_cuda_device;

static CuContext context; /* null until the device is open */
static int opened = -1, pushed, remember, dependent;
static CuEvent before, after;
static double seconds;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local char message[1024];

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

static int describe(CuDevice device) {
  FptqGpuDevice *d = &fptq_cuda_device;
  int shared = 0;
  if (fptq_cuda_check(fptq_cuda->driver_version(&d->driver), "driver version") ||
      fptq_cuda_check(fptq_cuda->device_name(d->name, sizeof d->name, device), "device name") ||
      fptq_cuda_check(fptq_cuda->device_attribute(&d->major, kCuComputeMajor, device), "device attribute") ||
      fptq_cuda_check(fptq_cuda->device_attribute(&d->minor, kCuComputeMinor, device), "device attribute") ||
      fptq_cuda_check(fptq_cuda->device_attribute(&shared, kCuSharedPerBlockOptin, device), "device attribute"))
    return 1;
  d->shared_bytes = shared;
  if (d->major < 8)
    return fptq_cuda_fail("device %s has compute capability %d.%d, 8.0 (sm_80) or newer is needed", d->name, d->major,
                          d->minor);
  return 0;
}

static int push_context(void) {
  if (fptq_cuda_check(fptq_cuda->context_push(context), "making the context current"))
    return 1;
  pushed = 1;
  return 0;
}

static void pop_context(void) {
  CuContext ours;
  if (pushed)
    fptq_cuda->context_pop(&ours);
  pushed = 0;
}

static int open_context(CuDevice device) {
  if (fptq_cuda_check(fptq_cuda->context_retain(&context, device), "making a context"))
    return context = NULL, 1;
  if (!push_context() && !fptq_cuda_check(fptq_cuda->stream_create(&fptq_cuda_stream, 1), "making a stream") &&
      !fptq_cuda_check(fptq_cuda->event_create(&before, 0), "making an event") &&
      !fptq_cuda_check(fptq_cuda->event_create(&after, 0), "making an event"))
    return 0;
  pop_context();
  fptq_cuda->context_release(device); /* and what was made in it */
  context = NULL;
  return 1;
}

static int open_device(int ordinal) {
  const char *reason;
  int count = 0;
  CuDevice device;
  if (opened == ordinal)
    return 0;
  if (opened >= 0)
    return fptq_cuda_fail("device %d is open already, one at a time", opened);
  if (!(fptq_cuda = fptq_cuda_driver(&reason)))
    return fptq_cuda_fail("%s", reason);
  if (fptq_cuda_check(fptq_cuda->init(0), "starting the NVIDIA driver") ||
      fptq_cuda_check(fptq_cuda->device_count(&count), "counting devices"))
    return 1;
  if (ordinal < 0 || ordinal >= count)
    return fptq_cuda_fail("no NVIDIA device %d: the machine has %d", ordinal, count);
  if (fptq_cuda_check(fptq_cuda->device_get(&device, ordinal), "opening the device") || describe(device) ||
      open_context(device))
    return 1;
  opened = ordinal;
  return 0;
}

/* The driver is this thread's until `leave`; 1 where the context cannot be made current. */
static int enter(void) {
  pthread_mutex_lock(&lock);
  return context && push_context();
}

static void leave(void) {
  pop_context();
  pthread_mutex_unlock(&lock);
}

int fptq_gpu_open(int ordinal, FptqGpuDevice *device) {
  int failed = enter() || open_device(ordinal);
  if (device && !failed)
    *device = fptq_cuda_device;
  leave();
  return failed;
}

int fptq_gpu_load(const void *image, size_t bytes, const char *name) {
  int failed = enter() || open_device(opened < 0 ? 0 : opened) || fptq_cuda_load(image, bytes, name);
  leave();
  return failed;
}

void fptq_gpu_forget_constants(void) {
  if (!enter() && context)
    fptq_cuda_forget_constants();
  leave();
}

void fptq_gpu_forget_temporaries(void) {
  if (!enter() && context)
    fptq_cuda_forget_temporaries();
  leave();
}

void fptq_gpu_unload(void) {
  if (!enter() && context) {
    fptq_cuda_forget_memory();
    fptq_cuda_unload();
  }
  leave();
}

double fptq_gpu_take_seconds(void) {
  pthread_mutex_lock(&lock);
  double result = message[0] ? -1 : seconds;
  seconds = 0;
  pthread_mutex_unlock(&lock);
  return result;
}

static int launch_kernel(const FptqGpuLaunch *l, void **parameters) {
  DeviceFunction *kernel;
  if (fptq_cuda_function(l->kernel, &kernel))
    return 1;
  if (l->shared_bytes > fptq_cuda_device.shared_bytes)
    return fptq_cuda_fail("kernel '%s' wants %lld bytes of shared memory, device %s has %lld", l->kernel,
                          (long long)l->shared_bytes, fptq_cuda_device.name, (long long)fptq_cuda_device.shared_bytes);
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
                           .attribute_count = dependent && fptq_cuda_device.major >= 9};
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
  if (!message[0] && launch->grid[0] * launch->grid[1] * launch->grid[2] > 0) {
    if (!enter() && !open_device(opened < 0 ? 0 : opened))
      run(launch);
    leave();
  }
  if (message[0] && !remember) { /* without the lock: what runs at exit may unload */
    fprintf(stderr, "fptq-runtime: error: %s\n", message);
    exit(1);
  }
}
