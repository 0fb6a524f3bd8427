/*===- DeviceMemory.c - host memory's twins on the device -----------------===
 *
 * Constants are copied once and stay, found again by their host address. Temporaries stay too, and are never copied:
 * only kernels look at them. Everything else goes up before a launch and comes down after it, through buffers that
 * are used again and again.
 *
 *===----------------------------------------------------------------------===*/
#include "Device.h"

#include <stdlib.h>

typedef struct Twin {
  const char *host;
  int64_t bytes;
  CuAddress address;
} Twin;

typedef struct Twins {
  Twin *items;
  int count, capacity;
} Twins;

static Twins constants, temporaries;
static Twin slots[kMaxGpuArguments], workspace, counters;

static int allocate(CuAddress *address, int64_t bytes) {
  CuResult result = fptq_cuda->allocate(address, bytes ? (size_t)bytes : 1);
  if (!result)
    return 0;
  fptq_cuda_check(result, "allocating device memory");
  return 1;
}

static Twin *find(Twins *twins, const char *host, int64_t bytes) {
  for (int i = 0; i < twins->count; ++i)
    if (host >= twins->items[i].host && host + bytes <= twins->items[i].host + twins->items[i].bytes)
      return &twins->items[i];
  return NULL;
}

static Twin *add(Twins *twins, const char *host, int64_t bytes) {
  if (twins->count == twins->capacity) {
    int capacity = twins->capacity ? 2 * twins->capacity : 64;
    Twin *items = realloc(twins->items, capacity * sizeof *items);
    if (!items) {
      fptq_cuda_fail("no host memory for a list of %d device buffers", capacity);
      return NULL;
    }
    twins->items = items;
    twins->capacity = capacity;
  }
  Twin twin = {host, bytes, 0};
  if (allocate(&twin.address, bytes))
    return NULL;
  twins->items[twins->count] = twin;
  return &twins->items[twins->count++];
}

static int place_constant(const FptqGpuRegion *r, CuAddress *address) {
  Twin *twin = find(&constants, r->host, r->bytes);
  if (!twin) {
    if (!(twin = add(&constants, r->host, r->bytes)))
      return 1;
    if (fptq_cuda_check(fptq_cuda->upload(twin->address, r->host, (size_t)r->bytes, fptq_cuda_stream),
                        "copying a constant to the device")) {
      fptq_cuda->release(constants.items[--constants.count].address); /* nobody may find rubbish */
      return 1;
    }
  }
  *address = twin->address + (CuAddress)(r->host - twin->host);
  return 0;
}

static int overlap(const Twin *a, const Twin *b) {
  return a->host < b->host + b->bytes && b->host < a->host + a->bytes;
}

/* What both hold of the host's memory, from `from` to `to`. */
static int copy_shared(const Twin *to, const Twin *from) {
  const char *begin = from->host > to->host ? from->host : to->host;
  const char *from_end = from->host + from->bytes, *to_end = to->host + to->bytes;
  const char *end = from_end < to_end ? from_end : to_end;
  return fptq_cuda_check(fptq_cuda->copy(to->address + (CuAddress)(begin - to->host),
                                         from->address + (CuAddress)(begin - from->host), (size_t)(end - begin),
                                         fptq_cuda_stream),
                         "moving a temporary") ||
         fptq_cuda_check(fptq_cuda->stream_wait(fptq_cuda_stream), "moving a temporary");
}

/* A larger twin takes over what smaller ones inside or at its edge hold: a host buffer that grew, or of which a part
 * was used first. They go when it has all of it. */
static Twin *add_temporary(const FptqGpuRegion *r) {
  if (!add(&temporaries, r->host, r->bytes))
    return NULL;
  Twin fresh = temporaries.items[--temporaries.count];
  for (int i = 0; i < temporaries.count; ++i)
    if (overlap(&temporaries.items[i], &fresh) && copy_shared(&fresh, &temporaries.items[i])) {
      fptq_cuda->release(fresh.address); /* nobody may find rubbish */
      return NULL;
    }
  int kept = 0, failed = 0;
  for (int i = 0; i < temporaries.count; ++i) {
    Twin old = temporaries.items[i];
    if (overlap(&old, &fresh))
      failed |= fptq_cuda_check(fptq_cuda->release(old.address), "freeing a temporary");
    else
      temporaries.items[kept++] = old;
  }
  temporaries.items[kept] = fresh;
  temporaries.count = kept + 1;
  return failed ? NULL : &temporaries.items[kept];
}

static int place_temporary(const FptqGpuRegion *r, CuAddress *address) {
  Twin *twin = find(&temporaries, r->host, r->bytes);
  if (!twin && !(twin = add_temporary(r)))
    return 1;
  *address = twin->address + (CuAddress)(r->host - twin->host);
  return 0;
}

static int grow(Twin *buffer, int64_t bytes) {
  if (buffer->address && fptq_cuda_check(fptq_cuda->release(buffer->address), "freeing device memory"))
    return 1;
  *buffer = (Twin){0};
  if (allocate(&buffer->address, bytes))
    return 1;
  buffer->bytes = bytes;
  return 0;
}

int fptq_cuda_place(const FptqGpuRegion *r, int slot, CuAddress *address) {
  if (r->constant)
    return place_constant(r, address);
  if (r->temporary)
    return place_temporary(r, address);
  Twin *buffer = &slots[slot];
  if ((!buffer->address || buffer->bytes < r->bytes) && grow(buffer, r->bytes))
    return 1;
  *address = buffer->address;
  /* Outputs too: bytes that the kernel does not write keep their value. */
  return r->bytes && fptq_cuda_check(fptq_cuda->upload(*address, r->host, (size_t)r->bytes, fptq_cuda_stream),
                                     "copying an input to the device");
}

static void release(Twin *buffer) {
  if (buffer->address)
    fptq_cuda->release(buffer->address);
  *buffer = (Twin){0};
}

int fptq_cuda_workspace(const FptqGpuArgument *argument, CuAddress *address) {
  int zeros = argument->kind == FPTQ_GPU_COUNTERS;
  Twin *buffer = zeros ? &counters : &workspace;
  if (!buffer->address || buffer->bytes < argument->bytes) {
    if (grow(buffer, argument->bytes))
      return 1;
    if (zeros && fptq_cuda_check(fptq_cuda->fill(buffer->address, 0, (size_t)argument->bytes, fptq_cuda_stream),
                                 "clearing counters")) {
      release(buffer);
      return 1;
    }
  }
  *address = buffer->address;
  return 0;
}

static void release_all(Twins *twins) {
  for (int i = 0; i < twins->count; ++i)
    fptq_cuda->release(twins->items[i].address);
  free(twins->items);
  *twins = (Twins){0};
}

void fptq_cuda_forget_constants(void) { release_all(&constants); }
void fptq_cuda_forget_temporaries(void) { release_all(&temporaries); }

void fptq_cuda_forget_memory(void) {
  release_all(&constants);
  release_all(&temporaries);
  for (int i = 0; i < kMaxGpuArguments; ++i)
    release(&slots[i]);
  release(&workspace);
  release(&counters);
}
