/*===- Mbarrier.c - barriers in shared memory -----------------------------===
 *
 * A phase ends when all arrivals came and all expected bytes have landed. The object's eight bytes only mark
 * where it is; its state is kept here, where a stray store cannot change it.
 *
 *===----------------------------------------------------------------------===*/
#include "Simulator.h"
#include "SimulatorCalls.h"

static const uint32_t kUnused = UINT32_MAX;

static uint32_t address_of(const void *mbarrier, const char *site) { return sim_shared_address(mbarrier, 8, 8, site); }

static Mbarrier *lookup(const void *mbarrier, const char *site) {
  return &fptq_sim.mbarriers[sim_mbarrier_find(mbarrier, site)];
}

int sim_mbarrier_find(const void *mbarrier, const char *site) {
  uint32_t address = address_of(mbarrier, site);
  for (int i = 0; i < fptq_sim.mbarrier_count; ++i)
    if (fptq_sim.mbarriers[i].address == address) {
      sim_race_see(address, site);
      return i;
    }
  sim_fail(site, "uses shared offset %u as an mbarrier, which nobody has initialized", address);
}

void fptq_sim_mbarrier_init(void *mbarrier, uint32_t count, const char *site) {
  uint32_t address = address_of(mbarrier, site);
  for (int known = 0; known < fptq_sim.mbarrier_count; ++known)
    if (fptq_sim.mbarriers[known].address == address)
      sim_fail(site, "initializes the mbarrier at shared offset %u, which already is one", address);
  int i = 0;
  while (i < fptq_sim.mbarrier_count && fptq_sim.mbarriers[i].address != kUnused)
    ++i;
  if (i == kMaxMbarriers)
    sim_fail(site, "initializes more than %d mbarriers", kMaxMbarriers);
  if (!count || count >= 1u << 20)
    sim_fail(site, "initializes an mbarrier for %u arrivals, expected 1 to 2^20 - 1", count);
  if (i == fptq_sim.mbarrier_count)
    ++fptq_sim.mbarrier_count;
  sim_race_write(address, 8, site);
  fptq_sim.mbarriers[i] = (Mbarrier){.address = address, .count = count, .pending = count};
}

void fptq_sim_mbarrier_invalidate(void *mbarrier, const char *site) { lookup(mbarrier, site)->address = kUnused; }

static void end_phase(Mbarrier *b) {
  if (b->pending || b->transactions)
    return;
  b->released = b->collected;
  b->collected = (Clock){{0}, {0}};
  b->pending = b->count;
  ++b->phase;
}

static uint64_t arrive(Mbarrier *b, uint32_t count, int64_t expected, const char *site) {
  uint64_t state = b->phase;
  if (b->pending < count)
    sim_fail(site, "arrives %u times at the mbarrier at shared offset %u, which waits for %u more", count, b->address,
             b->pending);
  sim_release(&b->collected);
  b->transactions += expected;
  b->pending -= count;
  end_phase(b);
  return state;
}

uint64_t fptq_sim_mbarrier_arrive(void *mbarrier, uint32_t count, const char *site) {
  return arrive(lookup(mbarrier, site), count, 0, site);
}

uint64_t fptq_sim_mbarrier_arrive_expect(void *mbarrier, uint32_t bytes, const char *site) {
  return arrive(lookup(mbarrier, site), 1, bytes, site);
}

void fptq_sim_mbarrier_expect(void *mbarrier, uint32_t bytes, const char *site) {
  lookup(mbarrier, site)->transactions += bytes;
}

void sim_mbarrier_complete(int index, int64_t bytes, const Clock *issued) {
  Mbarrier *b = &fptq_sim.mbarriers[index];
  sim_clock_join(&b->collected, issued);
  b->transactions -= bytes;
  end_phase(b);
}

int sim_mbarrier_watched(int index) {
  for (uint32_t t = 0; t < fptq_sim.threads; ++t)
    if (fptq_sim.lanes[t].state == kWaiting && fptq_sim.lanes[t].watched == &fptq_sim.mbarriers[index].phase)
      return 1;
  return 0;
}

void fptq_sim_mbarrier_wait_parity(void *mbarrier, uint32_t parity, const char *site) {
  int index = sim_mbarrier_find(mbarrier, site);
  Mbarrier *b = &fptq_sim.mbarriers[index];
  if (parity > 1)
    sim_fail(site, "waits for parity %u, expected 0 or 1", parity);
  /* The phase with this parity is over when the current one has the other. */
  while ((b->phase & 1) == parity)
    sim_wait(&b->phase, site);
  sim_acquire(&b->released);
}
