/*===- GlobalRaces.c - who may see whose global memory --------------------===
 *
 * Blocks run one after the other here, so that a fence that is missing would never show in a result. Instead
 * every four bytes that a launch may write remember their last writer: block, warp, and that warp's tick
 * (Races.c). Another warp of the block may use them where barriers order it after the write, as in shared
 * memory. Another block may only where the writer's block published them and its own has seen that: a fence
 * and then an atomic operation there, an atomic operation on the same word and then a fence here (release and
 * acquire patterns of the PTX ISA's memory consistency model). Barriers carry both to the other warps of a
 * block, and atomic operations on a word carry on what earlier ones published.
 *
 *===----------------------------------------------------------------------===*/
#include "Simulator.h"
#include "SimulatorCalls.h"

#include <stdlib.h>
#include <string.h>

typedef struct Write {
  uint32_t block, warp, tick; /* tick 0: nobody */
} Write;

/* An atomic operation after a fence: what its block did up to that fence. */
typedef struct Published {
  const char *word;
  uint32_t block;
  uint32_t tick[kMaxWarps];
} Published;

/* The running block has seen published[index] since that tick of that warp. */
typedef struct Seen {
  int index;
  uint32_t warp, tick;
} Seen;

static Write *shadow[kMaxBuffers];
static Published *published;
static Seen *seen;
static int published_count, published_capacity, seen_count, seen_capacity;

static void *grown(void *items, int count, int *capacity, size_t size) {
  if (count < *capacity)
    return items;
  *capacity = *capacity ? 2 * *capacity : 64;
  void *larger = realloc(items, (size_t)*capacity * size);
  if (!larger)
    sim_fail(NULL, "no memory for %d fences", *capacity);
  return larger;
}

int sim_global_begin(void) {
  published_count = 0;
  for (int i = 0; i < fptq_sim.buffer_count; ++i) {
    const Buffer *b = &fptq_sim.buffers[i];
    free(shadow[i]);
    shadow[i] = b->writable ? calloc((size_t)b->bytes / kGranule + 2, sizeof(Write)) : NULL;
    if (b->writable && !shadow[i])
      return sim_refuse("no memory to watch the %lld bytes of argument buffer %d", (long long)b->bytes, i);
  }
  return 0;
}

void sim_global_block(void) { seen_count = 0; }

static const Clock *clock_of_warp(void) { return &fptq_sim.clocks[sim_warp()]; }

static uint32_t block_number(void) {
  const uint32_t *i = fptq_sim.index, *grid = fptq_sim.grid;
  return (i[2] * grid[1] + i[1]) * grid[0] + i[0];
}

static int knows(uint32_t warp, uint32_t tick) { return warp == sim_warp() || clock_of_warp()->tick[warp] >= tick; }

static int is_ordered(const Write *w) {
  if (w->block == block_number())
    return knows(w->warp, w->tick);
  for (int i = 0; i < seen_count; ++i) {
    const Published *p = &published[seen[i].index];
    if (p->block == w->block && p->tick[w->warp] >= w->tick && knows(seen[i].warp, seen[i].tick))
      return 1;
  }
  return 0;
}

static void check(const Write *w, int buffer, int64_t at, const char *verb, const char *site) {
  if (!w->tick || is_ordered(w))
    return;
  if (w->block == block_number())
    sim_fail(site, "%s argument buffer %d at offset %lld, which warp %u writes with no barrier between them", verb,
             buffer, (long long)at, w->warp);
  sim_fail(site,
           "%s argument buffer %d at offset %lld, which block %u writes: no fence and atomic operation of both "
           "blocks order them",
           verb, buffer, (long long)at, w->block);
}

void sim_global_access(const char *p, int64_t bytes, SimAccess access, const char *site) {
  for (int i = 0; i < fptq_sim.buffer_count; ++i) {
    const Buffer *b = &fptq_sim.buffers[i];
    if (!b->writable || p < b->base || p + bytes > b->base + b->bytes)
      continue;
    int64_t at = p - b->base;
    for (int64_t g = at / kGranule; g * kGranule < at + bytes; ++g) {
      Write *w = &shadow[i][g];
      if (access == kReadConstant && w->tick)
        sim_fail(site, "reads argument buffer %d at offset %lld as a constant, which this launch writes", i,
                 (long long)at);
      check(w, i, at, access == kWrite ? "writes" : "reads", site);
      if (access == kWrite)
        *w = (Write){block_number(), sim_warp(), clock_of_warp()->tick[sim_warp()]};
    }
    return;
  }
}

/* A lane's last fence publishes with its next atomic operation, and takes what its last one has seen. */
void sim_global_atomic(const char *word) {
  Lane *lane = sim_lane();
  lane->atomic_word = word;
  lane->atomic_sees = published_count;
  if (!lane->fenced)
    return;
  published = grown(published, published_count, &published_capacity, sizeof *published);
  Published *p = &published[published_count++];
  p->word = word;
  p->block = block_number();
  memcpy(p->tick, lane->fence_ticks, sizeof p->tick);
}

void fptq_sim_fence(void) {
  Lane *lane = sim_lane();
  lane->fenced = 1;
  memcpy(lane->fence_ticks, clock_of_warp()->tick, sizeof lane->fence_ticks);
  for (int i = 0; lane->atomic_word && i < lane->atomic_sees; ++i) {
    if (published[i].word != lane->atomic_word)
      continue;
    seen = grown(seen, seen_count, &seen_capacity, sizeof *seen);
    seen[seen_count++] = (Seen){i, sim_warp(), clock_of_warp()->tick[sim_warp()]};
  }
  sim_tick(); /* what this warp does from now on is not covered */
}
