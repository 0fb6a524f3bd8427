/*===- GpuRegions.c - host memory that a launch uses ----------------------===*/
#include "GpuRegions.h"

static int is_buffer(const FptqGpuArgument *a) { return fptq_gpu_is_host_buffer(a->kind) && a->host; }

static FptqGpuRegion region(const FptqGpuArgument *a) {
  int constant = a->kind == FPTQ_GPU_CONSTANT, temporary = a->kind == FPTQ_GPU_TEMPORARY;
  FptqGpuRegion r = {a->host, a->bytes, 1, fptq_gpu_is_written(a->kind), constant, temporary};
  return r;
}

static int overlap(const FptqGpuRegion *a, const FptqGpuRegion *b) {
  return a->constant == b->constant && a->host < b->host + b->bytes && b->host < a->host + a->bytes;
}

static void join(FptqGpuRegion *into, const FptqGpuRegion *other) {
  char *end = into->host + into->bytes, *other_end = other->host + other->bytes;
  if (other->host < into->host)
    into->host = other->host;
  into->bytes = (end > other_end ? end : other_end) - into->host;
  into->written |= other->written;
  into->temporary &= other->temporary;
}

int fptq_gpu_regions(const FptqGpuLaunch *launch, FptqGpuRegion *regions, int *region_of) {
  int count = 0;
  if (launch->argument_count > kMaxGpuArguments)
    return -1;
  for (int i = 0; i < launch->argument_count; ++i) {
    region_of[i] = -1;
    if (!is_buffer(&launch->arguments[i]))
      continue;
    FptqGpuRegion r = region(&launch->arguments[i]);
    int kept = 0;
    for (int j = 0; j < count; ++j)
      if (overlap(&r, &regions[j]))
        join(&r, &regions[j]);
      else
        regions[kept++] = regions[j];
    regions[kept] = r;
    count = kept + 1;
  }
  for (int i = 0; i < launch->argument_count; ++i)
    for (int j = 0; is_buffer(&launch->arguments[i]) && j < count; ++j) {
      FptqGpuRegion r = region(&launch->arguments[i]);
      if (r.constant == regions[j].constant && r.host >= regions[j].host &&
          r.host + r.bytes <= regions[j].host + regions[j].bytes)
        region_of[i] = j;
    }
  return count;
}
