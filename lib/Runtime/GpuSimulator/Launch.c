/*===- Launch.c - one kernel launch on the simulator ----------------------===*/
#include "../GpuRegions.h"
#include "Simulator.h"
#include "fptq-runtime/GpuSimulator.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int failed; /* as a device's error: the caller's own */

const char *fptq_sim_error(void) { return failed ? sim_message() : NULL; }
void fptq_sim_clear(void) { failed = 0; }
void fptq_sim_set_block_order(uint32_t seed) { fptq_sim.order = seed; }

/* The device's allocator aligns to 256 bytes; a kernel never relies on more than one vector access. */
enum { kAlignment = 16, kDeviceAlignment = 256 };

typedef struct Memory {
  FptqGpuRegion regions[kMaxGpuArguments];
  char *device[kMaxGpuArguments]; /* the host's own memory where that is aligned */
  int count;
} Memory;

static int in_place(const FptqGpuRegion *r) { return (uintptr_t)r->host % kAlignment == 0; }

static int map_in(Memory *memory) {
  int status = 0;
  for (int i = 0; i < memory->count; ++i) {
    const FptqGpuRegion *r = &memory->regions[i];
    memory->device[i] = r->host;
    if (in_place(r))
      continue;
    size_t bytes = ((size_t)r->bytes + kDeviceAlignment) / kDeviceAlignment * kDeviceAlignment;
    memory->device[i] = aligned_alloc(kDeviceAlignment, bytes);
    if (memory->device[i])
      memcpy(memory->device[i], r->host, (size_t)r->bytes);
    else
      status = sim_refuse("no memory for a buffer of %lld bytes", (long long)r->bytes);
  }
  return status;
}

static void map_out(Memory *memory, int keep) {
  for (int i = 0; i < memory->count; ++i) {
    const FptqGpuRegion *r = &memory->regions[i];
    if (in_place(r))
      continue;
    if (keep && r->written)
      memcpy(r->host, memory->device[i], (size_t)r->bytes);
    free(memory->device[i]);
  }
}

/* Memory for this launch alone: rubbish, or zeros that the kernel has to leave as it found them. */
static int add_workspace(const FptqGpuArgument *a, void **value) {
  size_t bytes = ((size_t)a->bytes + kDeviceAlignment) / kDeviceAlignment * kDeviceAlignment;
  if (!(*value = aligned_alloc(kDeviceAlignment, bytes)))
    return sim_refuse("no memory for a workspace of %lld bytes", (long long)a->bytes);
  memset(*value, a->kind == FPTQ_GPU_COUNTERS ? 0 : 0x55, bytes);
  fptq_sim.buffers[fptq_sim.buffer_count++] = (Buffer){*value, a->bytes, 1, 0};
  return 0;
}

static int release_workspaces(const FptqGpuLaunch *l, void **values, int status) {
  for (int i = 0; i < l->argument_count; ++i) {
    const FptqGpuArgument *a = &l->arguments[i];
    if (a->kind != FPTQ_GPU_WORKSPACE && a->kind != FPTQ_GPU_COUNTERS)
      continue;
    for (int64_t at = 0; !status && a->kind == FPTQ_GPU_COUNTERS && at < a->bytes; ++at)
      if (((const char *)values[i])[at])
        status = sim_refuse("kernel '%s' leaves a counter (argument %d, byte %lld) that is not 0", l->kernel, i,
                            (long long)at);
    free(values[i]);
  }
  return status;
}

static const FptqSimKernel *find(const char *name, const FptqSimKernel *kernels, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    if (!strcmp(kernels[i].name, name))
      return &kernels[i];
  return NULL;
}

/* What cuLaunchKernel would refuse. */
static int check_launch(const FptqGpuLaunch *l, const FptqSimKernel *k) {
  if (l->argument_count != k->arguments)
    return sim_refuse("kernel '%s' has %lld arguments, launched with %lld", k->name, (long long)k->arguments,
                      (long long)l->argument_count);
  int64_t threads = l->block[0] * l->block[1] * l->block[2];
  if (threads < 1 || threads > kMaxThreads)
    return sim_refuse("kernel '%s' is launched with %lld threads a block, at most %d", k->name, (long long)threads,
                      kMaxThreads);
  for (int i = 0; i < 3; ++i) {
    if (k->block[i] && k->block[i] != l->block[i])
      return sim_refuse("kernel '%s' needs blocks of %lld x %lld x %lld threads, launched with %lld x %lld x %lld",
                        k->name, (long long)k->block[0], (long long)k->block[1], (long long)k->block[2],
                        (long long)l->block[0], (long long)l->block[1], (long long)l->block[2]);
    if (l->grid[i] > (i ? 65535 : 2147483647))
      return sim_refuse("kernel '%s' is launched with %lld blocks along dimension %d", k->name, (long long)l->grid[i],
                        i);
  }
  const int64_t most = 227 * 1024;
  if (l->shared_bytes + k->static_shared > most)
    return sim_refuse("kernel '%s' wants %lld bytes of shared memory, a block has at most %lld", k->name,
                      (long long)(l->shared_bytes + k->static_shared), (long long)most);
  return 0;
}

static int run(const FptqGpuLaunch *l, const FptqSimKernel *kernel) {
  Memory memory;
  int region_of[kMaxGpuArguments];
  void *values[kMaxGpuArguments] = {NULL}, *parameters[kMaxGpuArguments];
  memory.count = fptq_gpu_regions(l, memory.regions, region_of);
  if (memory.count < 0)
    return sim_refuse("kernel '%s' has more than %d arguments", l->kernel, kMaxGpuArguments);
  int status = map_in(&memory);
  fptq_sim.buffer_count = 0;
  for (int i = 0; i < l->argument_count; ++i) {
    const FptqGpuArgument *a = &l->arguments[i];
    parameters[i] = &values[i];
    memcpy(&values[i], &a->value, sizeof values[i]);
    if (a->kind == FPTQ_GPU_WORKSPACE || a->kind == FPTQ_GPU_COUNTERS)
      status |= add_workspace(a, &values[i]);
    if (!fptq_gpu_is_host_buffer(a->kind))
      continue;
    int r = region_of[i];
    values[i] = r < 0 ? NULL : memory.device[r] + ((char *)a->host - memory.regions[r].host);
    if (r >= 0)
      fptq_sim.buffers[fptq_sim.buffer_count++] =
          (Buffer){values[i], a->bytes, fptq_gpu_is_written(a->kind),
                   a->kind == FPTQ_GPU_CONSTANT || a->kind == FPTQ_GPU_PARAMETER};
  }
  fptq_sim.kernel = kernel->name;
  fptq_sim.body = kernel->body;
  fptq_sim.arguments = parameters;
  for (int i = 0; i < 3; ++i) {
    fptq_sim.grid[i] = (uint32_t)l->grid[i];
    fptq_sim.block[i] = (uint32_t)l->block[i];
  }
  fptq_sim.shared_bytes = (uint32_t)(kernel->static_shared + l->shared_bytes);
  fptq_sim.dependent = (int)kernel->dependent;
  status = release_workspaces(l, values, status ? status : sim_run_grid());
  map_out(&memory, !status);
  return status;
}

void fptq_sim_launch(const FptqGpuLaunch *launch, const FptqSimKernel *kernels, int64_t count) {
  pthread_mutex_lock(&lock);
  const FptqSimKernel *kernel = find(launch->kernel, kernels, count);
  if (!failed && launch->grid[0] * launch->grid[1] * launch->grid[2] > 0) {
    if (!kernel)
      failed = sim_refuse("no kernel '%s' in the module", launch->kernel);
    else
      failed = check_launch(launch, kernel) || run(launch, kernel);
  }
  pthread_mutex_unlock(&lock);
}
