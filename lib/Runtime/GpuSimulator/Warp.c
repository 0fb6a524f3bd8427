/*===- Warp.c - what the threads of a warp do together --------------------===*/
#include "Warp.h"
#include "SimulatorCalls.h"

#include <string.h>

uint32_t *sim_meet(uint32_t mask, const char *site, const uint32_t *operands, int count, Together compute,
                   uint32_t argument) {
  uint32_t lane = fptq_sim.current % kWarp;
  Rendezvous *r = &fptq_sim.rendezvous[sim_warp()];
  if (!(mask >> lane & 1))
    sim_fail(site, "is not in its own mask 0x%x", mask);
  if (!r->arrived)
    r->site = site, r->mask = mask;
  else if (r->site != site)
    sim_fail(site, "has left its warp, which waits in %s", r->site);
  else if (r->mask != mask)
    sim_fail(site, "has mask 0x%x where others of its warp have 0x%x", mask, r->mask);
  if (count) // without operands the pointer is null, which memcpy may not be given
    memcpy(r->operands[lane], operands, count * sizeof *operands);
  r->arrived |= 1u << lane;
  uint32_t threads_left = fptq_sim.threads - sim_warp() * kWarp;
  uint32_t present = threads_left >= kWarp ? ~0u : (1u << threads_left) - 1;
  if (r->arrived != (mask & present)) {
    sim_wait(&r->generation, site);
    return r->results[lane];
  }
  compute(r, argument);
  r->arrived = 0;
  ++r->generation;
  return r->results[lane];
}

static int inside(const Rendezvous *r, int lane) { return r->arrived >> lane & 1; }

static void nothing(Rendezvous *r, uint32_t argument) {
  (void)r;
  (void)argument;
}

void fptq_sim_syncwarp(uint32_t mask, const char *site) { sim_meet(mask, site, NULL, 0, nothing, 0); }

/* The lowest thread of the mask: PTX leaves the choice open. */
static void elect(Rendezvous *r, uint32_t argument) {
  (void)argument;
  int leader = __builtin_ctz(r->arrived);
  for (int lane = 0; lane < kWarp; ++lane)
    r->results[lane][0] = lane == leader;
}

uint32_t fptq_sim_elect(uint32_t mask, const char *site) { return sim_meet(mask, site, NULL, 0, elect, 0)[0]; }

static void vote(Rendezvous *r, uint32_t kind) {
  uint32_t ballot = 0;
  for (int lane = 0; lane < kWarp; ++lane)
    if (inside(r, lane) && r->operands[lane][0])
      ballot |= 1u << lane;
  int all = ballot == r->arrived;
  uint32_t result = kind == 0 ? ballot != 0 : kind == 1 ? all : kind == 2 ? ballot : all || !ballot;
  for (int lane = 0; lane < kWarp; ++lane)
    r->results[lane][0] = result;
}

uint32_t fptq_sim_vote(uint32_t kind, uint32_t mask, uint32_t predicate, const char *site) {
  return sim_meet(mask, site, &predicate, 1, vote, kind)[0];
}

/* PTX ISA, shfl.sync: the source lane of each kind, in segments that `clamp` describes. */
static void shuffle(Rendezvous *r, uint32_t kind) {
  for (int lane = 0; lane < kWarp; ++lane) {
    int offset = r->operands[lane][1] & 31, clamp = r->operands[lane][2] & 31;
    int segment = r->operands[lane][2] >> 8 & 31;
    int most = (lane & segment) | (clamp & ~segment), from;
    switch (kind) {
    case 0:
      from = lane ^ offset;
      break;
    case 1:
      from = lane - offset;
      break;
    case 2:
      from = lane + offset;
      break;
    default:
      from = (lane & segment) | (offset & ~segment);
    }
    int valid = kind == 1 ? from >= most : from <= most;
    if (!valid)
      from = lane;
    if (inside(r, lane) && !inside(r, from))
      sim_fail(r->site, "shuffles from lane %d, which is not in the mask 0x%x", from, r->mask);
    r->results[lane][0] = r->operands[from][0];
    r->results[lane][1] = valid;
  }
}

uint64_t fptq_sim_shuffle(uint32_t kind, uint32_t mask, uint32_t value, uint32_t offset, uint32_t clamp,
                          const char *site) {
  uint32_t operands[] = {value, offset, clamp};
  const uint32_t *result = sim_meet(mask, site, operands, 3, shuffle, kind);
  return result[0] | (uint64_t)result[1] << 32;
}

static void reduce(Rendezvous *r, uint32_t kind) {
  uint32_t result = 0;
  int first = 1;
  for (int lane = 0; lane < kWarp; ++lane) {
    if (!inside(r, lane))
      continue;
    uint32_t v = r->operands[lane][0];
    int32_t s = (int32_t)v, so_far = (int32_t)result;
    switch (first ? -1 : (int)kind) {
    case -1:
      result = v;
      break;
    case kReduceAdd:
      result += v;
      break;
    case kReduceAnd:
      result &= v;
      break;
    case kReduceOr:
      result |= v;
      break;
    case kReduceXor:
      result ^= v;
      break;
    case kReduceMax:
      result = s > so_far ? v : result;
      break;
    case kReduceMin:
      result = s < so_far ? v : result;
      break;
    case kReduceUmax:
      result = v > result ? v : result;
      break;
    case kReduceUmin:
      result = v < result ? v : result;
      break;
    }
    first = 0;
  }
  for (int lane = 0; lane < kWarp; ++lane)
    r->results[lane][0] = result;
}

uint32_t fptq_sim_reduce(uint32_t kind, uint32_t value, uint32_t mask, const char *site) {
  return sim_meet(mask, site, &value, 1, reduce, kind)[0];
}

uint32_t fptq_sim_permute(uint32_t low, uint32_t high, uint32_t selector) {
  uint64_t bytes = (uint64_t)high << 32 | low;
  uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    uint32_t s = selector >> 4 * i & 15, byte = bytes >> 8 * (s & 7) & 255;
    if (s & 8) /* the sign of the byte, eight times */
      byte = byte & 128 ? 255 : 0;
    result |= byte << 8 * i;
  }
  return result;
}

uint32_t fptq_sim_lop3(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
  uint32_t result = 0;
  for (int i = 0; i < 32; ++i)
    result |= (table >> ((a >> i & 1) << 2 | (b >> i & 1) << 1 | (c >> i & 1)) & 1) << i;
  return result;
}
