/*===- AsyncCopies.c - cp.async and bulk copies ---------------------------===
 *
 * A copy lands as late as the program allows: cp.async when its thread waits for its group, a bulk copy when
 * nobody can go on without it. Until then the bytes are rubbish, and using them is an error.
 *
 *===----------------------------------------------------------------------===*/
#include "Simulator.h"
#include "SimulatorCalls.h"

#include <stdlib.h>
#include <string.h>

void sim_copy_push(CopyQueue *queue, const Copy *copy) {
  if (queue->count == queue->capacity) {
    queue->capacity = queue->capacity ? 2 * queue->capacity : 16;
    queue->items = realloc(queue->items, queue->capacity * sizeof *queue->items);
    if (!queue->items)
      sim_fail(NULL, "no memory for %d copies on their way", queue->capacity);
  }
  queue->items[queue->count++] = *copy;
}

static void start(CopyQueue *queue, const Copy *copy, const char *site) {
  uint32_t at = sim_shared_address(copy->to, copy->bytes, 1, site);
  if (copy->filled)
    sim_check(copy->from, copy->filled, 1, 0, kGlobalSpace, site);
  sim_check(copy->to, copy->bytes, 1, 1, kSharedSpace, site);
  memset(copy->to, 0xaa, copy->bytes);
  sim_in_flight(at, copy->bytes, 1);
  sim_copy_push(queue, copy);
}

static void land(const Copy *copy) {
  memcpy(copy->to, copy->from, copy->filled);
  memset(copy->to + copy->filled, 0, copy->bytes - copy->filled);
  sim_in_flight((uint32_t)(copy->to - fptq_sim.window), copy->bytes, 0);
}

void fptq_sim_cp_async(void *to, const void *from, uint32_t bytes, uint32_t filled, const char *site) {
  if (bytes != 4 && bytes != 8 && bytes != 16)
    sim_fail(site, "copies %u bytes, cp.async takes 4, 8 or 16", bytes);
  if (filled > bytes)
    sim_fail(site, "copies %u bytes of %u", filled, bytes);
  sim_check(to, bytes, bytes, 1, kSharedSpace, site);
  if ((uintptr_t)from & (bytes - 1))
    sim_check(from, bytes, bytes, 0, kGlobalSpace, site); /* says what is misaligned */
  Copy copy = {to, from, bytes, filled, sim_lane()->copy_group, -1, {{0}, {0}}};
  sim_race_copy(sim_shared_address(to, bytes, bytes, site), bytes, 0, site);
  start(&sim_lane()->copies, &copy, site);
}

void fptq_sim_cp_async_commit(void) { ++sim_lane()->copy_group; }

void fptq_sim_cp_async_wait(uint32_t newest) {
  Lane *lane = sim_lane();
  int kept = 0;
  for (int i = 0; i < lane->copies.count; ++i) {
    Copy *copy = &lane->copies.items[i];
    if (copy->group + newest >= lane->copy_group) {
      lane->copies.items[kept++] = *copy;
      continue;
    }
    land(copy);
    sim_race_landed((uint32_t)(copy->to - fptq_sim.window), copy->bytes);
  }
  lane->copies.count = kept;
}

void fptq_sim_bulk_load(void *to, const void *from, void *mbarrier, uint32_t bytes, const char *site) {
  if (bytes % 16 || !bytes)
    sim_fail(site, "copies %u bytes, a bulk copy takes a multiple of 16", bytes);
  uint32_t at = sim_shared_address(to, bytes, 16, site);
  sim_check(from, bytes, 16, 0, kGlobalSpace, site);
  Copy copy = {to, from, bytes, bytes, 0, sim_mbarrier_find(mbarrier, site), {{0}, {0}}};
  sim_race_copy(at, bytes, 1, site);
  sim_release(&copy.issued);
  start(&fptq_sim.bulk_copies, &copy, site);
}

int sim_land_bulk_copies(int index) {
  CopyQueue *queue = &fptq_sim.bulk_copies;
  int kept = 0, landed = 0;
  for (int i = 0; i < queue->count; ++i) {
    Copy copy = queue->items[i];
    if (index < 0 ? sim_mbarrier_watched(copy.mbarrier) : copy.mbarrier == index) {
      ++landed;
      land(&copy);
      sim_mbarrier_complete(copy.mbarrier, copy.bytes, &copy.issued);
    } else {
      queue->items[kept++] = copy;
    }
  }
  queue->count = kept;
  return landed;
}
