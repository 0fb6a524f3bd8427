/*===- Barriers.c - bar.sync and bar.arrive -------------------------------===*/
#include "Simulator.h"
#include "SimulatorCalls.h"

static void complete(NamedBarrier *b) {
  b->released = b->collected;
  b->collected = (Clock){{0}, {0}};
  b->arrived = 0;
  ++b->generation;
}

static NamedBarrier *arrive(uint32_t id, uint32_t threads, const char *site) {
  if (id >= kNamedBarriers)
    sim_fail(site, "uses barrier %u, there are %d", id, kNamedBarriers);
  if (threads % kWarp)
    sim_fail(site, "waits for %u threads at barrier %u, which is not a multiple of %d", threads, id, kWarp);
  if (threads > fptq_sim.threads)
    sim_fail(site, "waits for %u threads at barrier %u, the block has %u", threads, id, fptq_sim.threads);
  NamedBarrier *b = &fptq_sim.barriers[id];
  uint32_t expected = threads ? threads : fptq_sim.threads;
  if (b->arrived && b->expected != expected)
    sim_fail(site, "waits for %u threads at barrier %u, where others wait for %u", expected, id, b->expected);
  b->expected = expected;
  b->whole_block = !threads;
  ++b->arrived;
  sim_release(&b->collected);
  return b;
}

static int is_complete(const NamedBarrier *b) {
  /* Threads that have exited count at a barrier of the whole block. */
  return b->arrived && b->arrived + (b->whole_block ? fptq_sim.exited : 0) >= b->expected;
}

void fptq_sim_barrier(uint32_t id, uint32_t threads, const char *site) {
  NamedBarrier *b = arrive(id, threads, site);
  if (is_complete(b))
    complete(b);
  else
    sim_wait(&b->generation, site);
  sim_acquire(&b->released);
}

void fptq_sim_barrier_arrive(uint32_t id, uint32_t threads, const char *site) {
  NamedBarrier *b = arrive(id, threads, site);
  if (is_complete(b))
    complete(b);
}

void sim_barriers_exit(void) {
  for (int i = 0; i < kNamedBarriers; ++i)
    if (is_complete(&fptq_sim.barriers[i]))
      complete(&fptq_sim.barriers[i]);
}
