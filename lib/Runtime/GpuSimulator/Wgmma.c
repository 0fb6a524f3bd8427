/*===- Wgmma.c - asynchronous products of a warp group --------------------===
 *
 * wgmma.mma_async with A in registers and B in shared memory: 64 x N += 64 x 32 times 32 x N. Each warp of the
 * group computes its own 16 rows, with the fragments of mma.m16n8k32. The hardware reads B any time between the
 * operation and the wait for its group: so B must be there at the operation, and must not be overwritten
 * before the wait, which is checked at both ends.
 *
 *===----------------------------------------------------------------------===*/
#include "Mma.h"
#include "SimulatorCalls.h"
#include "Warp.h"

#include <string.h>

enum { kMaxColumns = 256, kMaxPending = 64 };

/* Products that nobody has waited for, by warp. */
typedef struct Pending {
  uint64_t descriptor;
  uint32_t columns, group, number;
} Pending;

static struct {
  Pending items[kMaxPending];
  uint32_t count, group, fenced;
  int32_t d[16][kMaxColumns];
} groups[kMaxWarps];

void sim_wgmma_reset(void) {
  for (uint32_t w = 0; w < fptq_sim.warps; ++w)
    groups[w].count = groups[w].group = groups[w].fenced = 0;
}

/* Where 16 bytes of column n of B, from row 16 * half, lie. PTX ISA, "Matrix Descriptor" and "Strides", K-major. */
static uint32_t chunk_address(uint64_t descriptor, uint32_t n, uint32_t half) {
  static const uint32_t kSpans[] = {0, 128, 64, 32};
  uint32_t start = (descriptor & 0x3fff) << 4, leading = (descriptor >> 16 & 0x3fff) << 4;
  uint32_t stride = (descriptor >> 32 & 0x3fff) << 4, span = kSpans[descriptor >> 62];
  if (!span) /* core matrices of 8 columns x 16 bytes */
    return start + n / 8 * stride + half * leading + n % 8 * 16;
  /* Eight columns of `span` bytes; the 16-byte chunk's number is xored with bits 7 to 9 of the address. */
  uint32_t address = start + n / 8 * stride + n % 8 * span + half * 16;
  return address ^ (address >> 7 & (span / 16 - 1)) << 4;
}

/* Both ends of the time in which the hardware may read B. */
static void check_operand(const Pending *p, const char *site) {
  for (uint32_t n = 0; n < p->columns; ++n)
    for (uint32_t half = 0; half < 2; ++half) {
      uint32_t at = chunk_address(p->descriptor, n, half);
      sim_check(fptq_sim.window + at, 16, 16, 0, kSharedSpace, site);
      sim_race_read_async(at, 16, site);
    }
}

static void read_b(int16_t (*b)[32], const Pending *p) {
  for (uint32_t n = 0; n < p->columns; ++n)
    for (uint32_t half = 0; half < 2; ++half) {
      const int8_t *chunk = (const int8_t *)fptq_sim.window + chunk_address(p->descriptor, n, half);
      for (int i = 0; i < 16; ++i)
        b[n][16 * half + i] = chunk[i];
    }
}

/* The products of a warp's 16 rows, left in groups[warp].d for its lanes to take. Operands: A, descriptor, columns. */
static void multiply(Rendezvous *r, uint32_t signs) {
  static int16_t a[16][32], b[kMaxColumns][32];
  uint32_t w = sim_warp();
  for (int lane = 1; lane < kWarp; ++lane)
    if (memcmp(&r->operands[lane][4], &r->operands[0][4], 3 * sizeof(uint32_t)))
      sim_fail(r->site, "has lanes with different matrix descriptors");
  if (!groups[w].fenced)
    sim_fail(r->site, "comes without wgmma.fence before it");
  if (groups[w].count == kMaxPending)
    sim_fail(r->site, "is one of more than %d products that nobody waited for", kMaxPending);
  Pending p = {r->operands[0][4] | (uint64_t)r->operands[0][5] << 32, r->operands[0][6], groups[w].group,
               r->operands[0][7]};
  groups[w].items[groups[w].count++] = p;
  check_operand(&p, r->site);
  sim_unpack_a(a, (const uint32_t (*)[12])r->operands, signs & 1);
  read_b(b, &p);
  for (int row = 0; row < 16; ++row)
    for (uint32_t n = 0; n < p.columns; ++n)
      groups[w].d[row][n] = sim_dot32(a[row], b[n]);
}

static void fence(Rendezvous *r, uint32_t argument) {
  (void)r;
  (void)argument;
  groups[sim_warp()].fenced = 1;
}

void fptq_sim_wgmma_fence(const char *site) { sim_meet(~0u, site, NULL, 0, fence, 0); }

void fptq_sim_wgmma(uint32_t *d, const uint32_t *a, uint64_t b, uint32_t columns, uint32_t signs, uint32_t number,
                    const char *site) {
  if (b >> 49 & 7)
    sim_fail(site, "has a matrix descriptor with base offset %u, only 0 is simulated", (unsigned)(b >> 49 & 7));
  if (columns % 8 || !columns || columns > kMaxColumns)
    sim_fail(site, "has %u columns, expected a multiple of 8 up to %d", columns, kMaxColumns);
  if (!(signs & 2))
    sim_fail(site, "has an unsigned B, only s8 is simulated");
  uint32_t operands[] = {a[0], a[1], a[2], a[3], (uint32_t)b, (uint32_t)(b >> 32), columns, number};
  sim_meet(~0u, site, operands, 8, multiply, signs);
  uint32_t lane = fptq_sim.current % kWarp;
  for (uint32_t i = 0; i < columns / 2; ++i)
    d[i] += (uint32_t)groups[sim_warp()].d[lane / 4 + 8 * (i / 2 % 2)][i / 4 * 8 + lane % 4 * 2 + i % 2];
}

void fptq_sim_wgmma_take(uint32_t number, const char *site) {
  uint32_t w = sim_warp();
  for (uint32_t i = 0; i < groups[w].count; ++i)
    if (groups[w].items[i].number == number)
      sim_fail(site, "takes the sums of a product that is still under way");
}

static void commit(Rendezvous *r, uint32_t argument) {
  (void)r;
  (void)argument;
  ++groups[sim_warp()].group;
}

void fptq_sim_wgmma_commit(const char *site) { sim_meet(~0u, site, NULL, 0, commit, 0); }

static void wait(Rendezvous *r, uint32_t newest) {
  uint32_t w = sim_warp(), kept = 0;
  for (uint32_t i = 0; i < groups[w].count; ++i) {
    Pending p = groups[w].items[i];
    if (p.group + newest < groups[w].group)
      check_operand(&p, r->site);
    else
      groups[w].items[kept++] = p;
  }
  groups[w].count = kept;
}

void fptq_sim_wgmma_wait(uint32_t newest, const char *site) { sim_meet(~0u, site, NULL, 0, wait, newest); }
