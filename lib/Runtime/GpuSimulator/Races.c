/*===- Races.c - who may see whose shared memory --------------------------===
 *
 * Vector clocks by warp (FastTrack, Flanagan and Freund, PLDI 2009, without its read compression): every
 * granule of shared memory remembers the tick of its last writer and of each warp's last read. Two uses, one
 * of them a write, need an order made by a barrier, whatever order the simulation happened to run them in. So
 * a missing barrier is found by the first launch, with no luck and no special data. Threads of one warp are
 * one party here: what they exchange without bar.warp.sync shows only as a wrong result.
 *
 *===----------------------------------------------------------------------===*/
#include "Simulator.h"
#include "SimulatorCalls.h"

#include <string.h>

enum { kTickBits = 24, kTickMask = (1 << kTickBits) - 1 };

/* Last writer: warp << 24 | tick; 0 where nobody wrote. */
static uint32_t written[kGranules];
/* How the last writer wrote: bulk copies need no proxy fence, atomics no order among themselves. */
enum { kByStore, kByBulkCopy, kByAtomic };
static uint8_t how[kGranules];
/* Last reads, a row of fptq_sim.warps ticks a granule. */
static uint32_t read_ticks[kGranules * kMaxWarps];

static int repeated_count;

static Clock *mine(void) { return &fptq_sim.clocks[sim_warp()]; }
static uint32_t *reads_of(uint32_t granule) { return read_ticks + granule * fptq_sim.warps; }

void sim_races_reset(void) {
  size_t granules = (fptq_sim.shared_bytes + kGranule - 1) / kGranule;
  memset(written, 0, granules * sizeof *written);
  memset(read_ticks, 0, granules * fptq_sim.warps * sizeof *read_ticks);
  repeated_count = 0;
  memset(fptq_sim.clocks, 0, sizeof fptq_sim.clocks);
  for (uint32_t w = 0; w < fptq_sim.warps; ++w)
    fptq_sim.clocks[w].tick[w] = 1;
}

void sim_tick(void) {
  if (++mine()->tick[sim_warp()] > kTickMask)
    sim_fail(NULL, "passes more than %d barriers", kTickMask);
}

static uint32_t later(uint32_t a, uint32_t b) { return a > b ? a : b; }

void sim_clock_join(Clock *into, const Clock *from) {
  for (uint32_t w = 0; w < fptq_sim.warps; ++w) {
    into->tick[w] = later(into->tick[w], from->tick[w]);
    into->fence[w] = later(into->fence[w], from->fence[w]);
  }
}

void sim_release(Clock *into) {
  sim_clock_join(into, mine());
  sim_tick(); /* what this warp does from now on is not covered */
}

void sim_acquire(const Clock *from) { sim_clock_join(mine(), from); }

static void check_writer(uint32_t granule, const char *what, const char *site) {
  uint32_t w = written[granule] >> kTickBits, when = written[granule] & kTickMask;
  if (when && w != sim_warp() && when > mine()->tick[w])
    sim_fail(site, "%s shared offset %u, which warp %u writes with no barrier between them", what, granule * kGranule,
             w);
}

void sim_race_read(uint32_t address, uint32_t bytes, const char *site) {
  for (uint32_t g = address / kGranule; g * kGranule < address + bytes; ++g) {
    check_writer(g, "reads", site);
    reads_of(g)[sim_warp()] = mine()->tick[sim_warp()];
  }
}

/* Granules that two warps write with no barrier between them. That is fine where both write the same: surplus threads
 * of a block often repeat what others do. Known only after the store, so looked at when the simulator is called next.
 */
static struct {
  uint32_t granule, before, other;
  const char *site;
} repeated[8];

void sim_race_settle(void) {
  int count = repeated_count;
  repeated_count = 0;
  for (int i = 0; i < count; ++i)
    if (memcmp(fptq_sim.window + repeated[i].granule * kGranule, &repeated[i].before, kGranule))
      sim_fail(repeated[i].site, "writes shared offset %u, where warp %u writes something else with no barrier between",
               repeated[i].granule * kGranule, repeated[i].other);
}

static void check_other_writer(uint32_t g, const char *site) {
  uint32_t w = written[g] >> kTickBits, when = written[g] & kTickMask;
  if (!when || w == sim_warp() || when <= mine()->tick[w])
    return;
  if (repeated_count == sizeof repeated / sizeof *repeated)
    return check_writer(g, "writes", site);
  repeated[repeated_count].granule = g;
  repeated[repeated_count].other = w;
  repeated[repeated_count].site = site;
  memcpy(&repeated[repeated_count++].before, fptq_sim.window + g * kGranule, kGranule);
}

void sim_race_write(uint32_t address, uint32_t bytes, const char *site) {
  for (uint32_t g = address / kGranule; g * kGranule < address + bytes; ++g) {
    check_other_writer(g, site);
    for (uint32_t w = 0; w < fptq_sim.warps; ++w)
      if (w != sim_warp() && reads_of(g)[w] > mine()->tick[w])
        sim_fail(site, "writes shared offset %u, which warp %u reads with no barrier between them", g * kGranule, w);
    written[g] = sim_warp() << kTickBits | mine()->tick[sim_warp()];
    how[g] = kByStore;
  }
}

void sim_race_copy(uint32_t address, uint32_t bytes, int bulk, const char *site) {
  for (uint32_t g = address / kGranule; g * kGranule < address + bytes; ++g)
    check_writer(g, "writes", site); /* rubbish until it lands: never the same as another's */
  sim_race_write(address, bytes, site);
  repeated_count = 0;
  if (bulk)
    memset(how + address / kGranule, kByBulkCopy, (bytes + kGranule - 1) / kGranule);
}

void sim_race_landed(uint32_t address, uint32_t bytes) {
  for (uint32_t g = address / kGranule; g * kGranule < address + bytes; ++g)
    written[g] = sim_warp() << kTickBits | mine()->tick[sim_warp()];
}

void sim_race_atomic(uint32_t address, const char *site) {
  uint32_t g = address / kGranule;
  if (how[g] == kByAtomic)
    written[g] = 0; /* no order needed with that one */
  sim_race_write(address, kGranule, site);
  how[g] = kByAtomic;
}

void sim_race_see(uint32_t address, const char *site) { check_writer(address / kGranule, "uses", site); }

void sim_race_read_async(uint32_t address, uint32_t bytes, const char *site) {
  sim_race_read(address, bytes, site);
  for (uint32_t g = address / kGranule; g * kGranule < address + bytes; ++g) {
    uint32_t w = written[g] >> kTickBits, when = written[g] & kTickMask;
    if (how[g] != kByBulkCopy && when > mine()->fence[w])
      sim_fail(site, "reads shared offset %u asynchronously, which warp %u wrote without fence.proxy.async after",
               g * kGranule, w);
  }
}

/* Orders this warp's earlier writes before asynchronous reads of them. */
void fptq_sim_proxy_fence(void) {
  mine()->fence[sim_warp()] = mine()->tick[sim_warp()];
  sim_tick();
}
