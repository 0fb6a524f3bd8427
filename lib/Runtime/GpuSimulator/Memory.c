/*===- Memory.c - which addresses a kernel may use ------------------------===*/
#include "Simulator.h"
#include "SimulatorCalls.h"

#include <string.h>

/* Granules that a copy on its way will overwrite. */
static uint8_t in_flight[kGranules];

/* Two generations ahead of any test, and far more than a kernel does between two barriers. */
static const uint64_t kMaxSteps = 1ull << 28;

void sim_memory_reset(void) {
  /* Shared memory starts with rubbish, as on the device. */
  memset(fptq_sim.window, 0x55, fptq_sim.shared_bytes);
  memset(in_flight, 0, sizeof in_flight);
}

void sim_in_flight(uint32_t address, uint32_t bytes, int on) {
  memset(in_flight + address / kGranule, on, (bytes + kGranule - 1) / kGranule);
}

static const char *verb(int write) { return write ? "writes" : "reads"; }

static int writes(SimAccess access) { return access == kWrite || access == kAtomic; }

static int in_window(const char *p) { return p >= fptq_sim.window && p < fptq_sim.window + kWindowBytes; }

static void check_shared(const char *p, int64_t bytes, int write, const char *site) {
  int64_t at = p - fptq_sim.window;
  if (!in_window(p) || at + bytes > (int64_t)fptq_sim.shared_bytes)
    sim_fail(site, "%s %lld bytes at offset %lld of %u bytes of shared memory", verb(write), (long long)bytes,
             (long long)at, fptq_sim.shared_bytes);
  for (int64_t g = at / kGranule; g * kGranule < at + bytes; ++g)
    if (in_flight[g])
      sim_fail(site, "%s shared memory at offset %lld while an asynchronous copy to it is on its way", verb(write),
               (long long)at);
}

static int holds(const Buffer *b, const char *p, int64_t bytes, int write) {
  return p >= b->base && p + bytes <= b->base + b->bytes && (b->writable || !write);
}

/* Arguments may overlap (a residual added in place): any that allows the access will do. */
static const Buffer *find_buffer(const char *p, int64_t bytes, int write) {
  static int last;
  if (last < fptq_sim.buffer_count && holds(&fptq_sim.buffers[last], p, bytes, write))
    return &fptq_sim.buffers[last];
  for (last = 0; last < fptq_sim.buffer_count; ++last)
    if (holds(&fptq_sim.buffers[last], p, bytes, write))
      return &fptq_sim.buffers[last];
  return NULL;
}

/* The buffer that ends or starts closest to a bad address, to say how far off it is. */
static void fail_global(const char *p, int64_t bytes, int write, const char *site) {
  int best = -1;
  int64_t distance = INT64_MAX;
  for (int i = 0; i < fptq_sim.buffer_count; ++i) {
    const Buffer *b = &fptq_sim.buffers[i];
    int64_t d = p < b->base ? b->base - p : p - (b->base + b->bytes);
    if (d < distance)
      distance = d, best = i;
  }
  if (best < 0 || distance > 1 << 20)
    sim_fail(site, "%s %lld bytes at %p, which is in no buffer of the launch", verb(write), (long long)bytes,
             (const void *)p);
  sim_fail(site, "%s %lld bytes at offset %lld of argument buffer %d, which has %lld bytes", verb(write),
           (long long)bytes, (long long)(p - fptq_sim.buffers[best].base), best,
           (long long)fptq_sim.buffers[best].bytes);
}

static void check_global(const char *p, int64_t bytes, SimAccess access, const char *site) {
  int write = writes(access);
  const Buffer *b = find_buffer(p, bytes, write);
  if (!b && write && (b = find_buffer(p, bytes, 0)))
    sim_fail(site, "writes to argument buffer %d, which is an input", (int)(b - fptq_sim.buffers));
  if (!b)
    fail_global(p, bytes, write, site);
  if (fptq_sim.dependent && !b->early && !sim_lane()->waited)
    sim_fail(site, "%s argument buffer %d before griddepcontrol.wait, while the kernel before may still use it",
             verb(write), (int)(b - fptq_sim.buffers));
  if (fptq_sim.dependent && !b->early && access == kReadConstant)
    sim_fail(site, "reads argument buffer %d as a constant: compilers move that before griddepcontrol.wait",
             (int)(b - fptq_sim.buffers));
  if (access != kAtomic)
    sim_global_access(p, bytes, access, site);
}

static int on_stack(const char *p, int64_t bytes) {
  const FptqFiber *f = &sim_lane()->fiber;
  return p >= f->stack && p + bytes <= f->stack + f->bytes;
}

void sim_check(const void *address, int64_t bytes, int64_t alignment, SimAccess access, int space, const char *site) {
  const char *p = address;
  int write = writes(access);
  sim_race_settle();
  if (alignment > 1 && (uintptr_t)p & (alignment - 1))
    sim_fail(site, "%s %lld bytes at %s %lld, which is not a multiple of %lld", verb(write), (long long)bytes,
             in_window(p) ? "shared offset" : "address",
             in_window(p) ? (long long)(p - fptq_sim.window) : (long long)(uintptr_t)p, (long long)alignment);
  if (++sim_lane()->steps > kMaxSteps)
    sim_fail(site, "has made %llu memory accesses without waiting for anybody: it spins",
             (unsigned long long)kMaxSteps);
  if (space == kAnySpace && on_stack(p, bytes))
    return;
  if (space == kSharedSpace || (space == kAnySpace && in_window(p)))
    return check_shared(p, bytes, write, site);
  check_global(p, bytes, access, site);
}

void fptq_sim_access(const void *address, int64_t bytes, int64_t alignment, int32_t access, int32_t space,
                     const char *site) {
  sim_check(address, bytes, alignment, (SimAccess)access, space, site);
  if (!in_window(address)) {
    if (access == kAtomic)
      sim_global_atomic(address);
    return;
  }
  uint32_t at = (uint32_t)((const char *)address - fptq_sim.window);
  if (access == kAtomic)
    sim_race_atomic(at, site);
  else if (access == kWrite)
    sim_race_write(at, (uint32_t)bytes, site);
  else
    sim_race_read(at, (uint32_t)bytes, site);
}

uint32_t sim_shared_address(const void *address, int64_t bytes, int64_t alignment, const char *site) {
  const char *p = address;
  uint32_t at = (uint32_t)(p - fptq_sim.window);
  if (!in_window(p) || at + bytes > fptq_sim.shared_bytes)
    sim_fail(site, "uses %lld bytes at offset %lld of %u bytes of shared memory", (long long)bytes,
             (long long)(p - fptq_sim.window), fptq_sim.shared_bytes);
  if (at & (alignment - 1))
    sim_fail(site, "uses shared offset %u, which is not a multiple of %lld", at, (long long)alignment);
  return at;
}

char *fptq_sim_shared(uint32_t offset) { return fptq_sim.window + offset; }
