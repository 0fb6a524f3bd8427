/*===- Block.c - the threads of one block, taking turns -------------------===*/
#include "Simulator.h"
#include "SimulatorCalls.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Block fptq_sim;

static _Thread_local char message[1024];

const char *sim_message(void) { return message; }

void sim_fail(const char *site, const char *format, ...) {
  int at = snprintf(message, sizeof message, "kernel '%s', block (%u, %u, %u), thread %u: ", fptq_sim.kernel,
                    fptq_sim.index[0], fptq_sim.index[1], fptq_sim.index[2], fptq_sim.current);
  va_list list;
  va_start(list, format);
  at += vsnprintf(message + at, sizeof message - at, format, list);
  va_end(list);
  if (site && at < (int)sizeof message)
    snprintf(message + at, sizeof message - at, " (%s)", site);
  /* No thread runs again, so that none can touch what the failed one left half-done. */
  FptqFiber lost = {0};
  fptq_sim.exited = UINT32_MAX;
  fptq_fiber_switch(&lost, &fptq_sim.scheduler);
  abort();
}

void sim_wait(const uint32_t *watched, const char *site) {
  Lane *lane = sim_lane();
  sim_race_settle();
  lane->state = kWaiting;
  lane->watched = watched;
  lane->seen = *watched;
  lane->site = site;
  lane->steps = 0;
  fptq_fiber_switch(&lane->fiber, &fptq_sim.scheduler);
}

static void run_lane(void) {
  fptq_sim.body(fptq_sim.arguments);
  Lane *lane = sim_lane();
  sim_race_settle();
  lane->state = kDone;
  ++fptq_sim.exited;
  sim_barriers_exit();
  fptq_fiber_switch(&lane->fiber, &fptq_sim.scheduler);
  abort();
}

static int runnable(const Lane *lane) {
  return lane->state == kReady || (lane->state == kWaiting && *lane->watched != lane->seen);
}

/* Runs every thread of the warp that can run; returns whether there was one. */
static int run_warp(uint32_t warp) {
  int ran = 0;
  for (uint32_t t = warp * kWarp; t < (warp + 1) * kWarp && t < fptq_sim.threads; ++t) {
    Lane *lane = &fptq_sim.lanes[t];
    if (!runnable(lane))
      continue;
    ran = 1;
    fptq_sim.current = t;
    lane->state = kReady;
    fptq_fiber_switch(&fptq_sim.scheduler, &lane->fiber);
    if (fptq_sim.exited == UINT32_MAX)
      return -1;
  }
  return ran;
}

/* Threads still there, none of which can go on: says who waits where. */
static void report_deadlock(void) {
  int at = snprintf(message, sizeof message, "kernel '%s', block (%u, %u, %u): deadlock:", fptq_sim.kernel,
                    fptq_sim.index[0], fptq_sim.index[1], fptq_sim.index[2]);
  const char *last = "";
  for (uint32_t t = 0; t < fptq_sim.threads && at < (int)sizeof message; ++t) {
    const Lane *lane = &fptq_sim.lanes[t];
    const char *site = lane->state == kDone ? "has exited" : lane->site;
    if (site != last)
      at += snprintf(message + at, sizeof message - at, " thread %u %s%s;", t, lane->state == kDone ? "" : "waits in ",
                     site);
    last = site;
  }
}

/* The kernel after this one waits for this one only: it would overtake the kernel before, were that not waited for. */
static int check_waits(void) {
  for (uint32_t t = 0; fptq_sim.dependent && t < fptq_sim.threads; ++t)
    if (!fptq_sim.lanes[t].waited)
      return sim_refuse("kernel '%s', block (%u, %u, %u): thread %u exits without griddepcontrol.wait", fptq_sim.kernel,
                        fptq_sim.index[0], fptq_sim.index[1], fptq_sim.index[2], t);
  return 0;
}

/* One warp runs as far as it can before the next gets a turn: it then meets the others' memory as early as it ever
 * could, which is where a missing barrier shows. */
static int run_block(void) {
  for (;;) {
    int ran = 0;
    for (uint32_t warp = 0; warp < fptq_sim.warps; ++warp)
      for (int again; (again = run_warp(warp));) {
        if (again < 0)
          return 1;
        ran = 1;
      }
    if (fptq_sim.exited == fptq_sim.threads && !fptq_sim.bulk_copies.count)
      return check_waits();
    if (fptq_sim.exited == fptq_sim.threads) /* the memory may be another block's by then */
      return sim_refuse("kernel '%s', block (%u, %u, %u): exits with %d bulk copies that nobody waited for",
                        fptq_sim.kernel, fptq_sim.index[0], fptq_sim.index[1], fptq_sim.index[2],
                        fptq_sim.bulk_copies.count);
    /* Bulk copies take their time: they land only when nobody can do anything else. */
    if (!ran && !sim_land_bulk_copies(-1)) {
      report_deadlock();
      return 1;
    }
  }
}

static int start_block(void) {
  fptq_sim.exited = 0;
  fptq_sim.mbarrier_count = 0;
  fptq_sim.bulk_copies.count = 0;
  memset(fptq_sim.rendezvous, 0, sizeof fptq_sim.rendezvous);
  memset(fptq_sim.barriers, 0, sizeof fptq_sim.barriers);
  sim_memory_reset();
  sim_races_reset();
  sim_global_block();
  sim_wgmma_reset();
  for (uint32_t t = 0; t < fptq_sim.threads; ++t) {
    Lane *lane = &fptq_sim.lanes[t];
    /* Accumulators of wide tiles spill on a host: up to 2 KiB a thread, and what it calls. */
    if (!lane->fiber.stack && fptq_fiber_create(&lane->fiber, 64 * 1024)) {
      snprintf(message, sizeof message, "no memory for the stacks of %u simulated threads", fptq_sim.threads);
      return 1;
    }
    lane->state = kReady;
    lane->copies.count = 0;
    lane->copy_group = 0;
    lane->steps = 0;
    lane->waited = lane->fenced = 0;
    lane->atomic_word = NULL;
    fptq_fiber_start(&lane->fiber, run_lane);
  }
  return run_block();
}

static uint64_t common_divisor(uint64_t a, uint64_t b) { return b ? common_divisor(b, a % b) : a; }

/* An affine permutation of 0 .. count - 1 that `seed` picks; 0 is the identity. The device promises no order. */
static uint64_t nth_block(uint64_t n, uint64_t count, uint64_t seed) {
  if (!seed)
    return n;
  uint64_t factor = (2 * seed + 1) % count;
  while (common_divisor(factor, count) != 1)
    ++factor;
  return (n * factor + seed) % count;
}

/* Runs all blocks of fptq_sim's grid, one after the other. 0, or sim_message says what is wrong. */
int sim_run_grid(void) {
  if (!fptq_sim.lanes)
    fptq_sim.lanes = calloc(kMaxThreads, sizeof(Lane));
  if (!fptq_sim.window)
    fptq_sim.window = aligned_alloc(kWindowBytes, kWindowBytes);
  if (!fptq_sim.lanes || !fptq_sim.window) {
    snprintf(message, sizeof message, "no memory for the simulator");
    return 1;
  }
  fptq_sim.threads = fptq_sim.block[0] * fptq_sim.block[1] * fptq_sim.block[2];
  fptq_sim.warps = (fptq_sim.threads + kWarp - 1) / kWarp;
  if (sim_global_begin())
    return 1;
  const uint32_t *grid = fptq_sim.grid;
  uint64_t count = (uint64_t)grid[0] * grid[1] * grid[2];
  for (uint64_t n = 0; n < count; ++n) {
    uint64_t block = nth_block(n, count, fptq_sim.order);
    fptq_sim.index[0] = (uint32_t)(block % grid[0]);
    fptq_sim.index[1] = (uint32_t)(block / grid[0] % grid[1]);
    fptq_sim.index[2] = (uint32_t)(block / grid[0] / grid[1]);
    if (start_block())
      return 1;
  }
  return 0;
}

int sim_refuse(const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(message, sizeof message, format, list);
  va_end(list);
  return 1;
}

uint32_t fptq_sim_register(uint32_t which) {
  uint32_t t = fptq_sim.current;
  const uint32_t *b = fptq_sim.block;
  switch (which) {
  case 0:
    return t % b[0];
  case 1:
    return t / b[0] % b[1];
  case 2:
    return t / b[0] / b[1];
  case 12:
    return t % kWarp;
  case 13:
    return t / kWarp;
  case 14:
    return fptq_sim.warps;
  case 15:
    return fptq_sim.shared_bytes;
  default:
    return which < 6 ? b[which - 3] : which < 9 ? fptq_sim.index[which - 6] : fptq_sim.grid[which - 9];
  }
}

void fptq_sim_griddep_wait(void) { sim_lane()->waited = 1; }
void fptq_sim_nothing(void) {}
