/*===- Mma.c - mma.sync and ldmatrix --------------------------------------===
 *
 * Fragments as in the PTX ISA, "Matrix Fragments for mma.m16n8k32": with g = lane / 4 and c = lane % 4, word i of A
 * holds row g + 8 * (i & 1), columns 4 * c + 16 * (i >> 1) and the three after; word i of B column g, rows
 * 4 * c + 16 * i; word i of the accumulator row g + 8 * (i >> 1), column 2 * c + (i & 1).
 *
 *===----------------------------------------------------------------------===*/
#include "Mma.h"
#include "SimulatorCalls.h"
#include "Warp.h"

#include <string.h>

static void unpack(int16_t *to, uint32_t word, int is_signed) {
  for (int i = 0; i < 4; ++i) {
    uint8_t byte = (uint8_t)(word >> 8 * i);
    to[i] = is_signed ? (int8_t)byte : byte;
  }
}

void sim_unpack_a(int16_t (*rows)[32], const uint32_t (*words)[12], int is_signed) {
  for (int lane = 0; lane < kWarp; ++lane)
    for (int i = 0; i < 4; ++i)
      unpack(&rows[lane / 4 + 8 * (i & 1)][4 * (lane % 4) + 16 * (i >> 1)], words[lane][i], is_signed);
}

int32_t sim_dot32(const int16_t *a, const int16_t *b) {
  int32_t sum = 0; /* 32 products below 2^16: exact */
  for (int k = 0; k < 32; ++k)
    sum += a[k] * b[k];
  return sum;
}

static void multiply(Rendezvous *r, uint32_t signs) {
  int16_t a[16][32], b[8][32];
  sim_unpack_a(a, (const uint32_t (*)[12])r->operands, signs & 1);
  for (int lane = 0; lane < kWarp; ++lane)
    for (int i = 0; i < 2; ++i)
      unpack(&b[lane / 4][4 * (lane % 4) + 16 * i], r->operands[lane][4 + i], signs & 2);
  for (int lane = 0; lane < kWarp; ++lane)
    for (int i = 0; i < 4; ++i)
      r->results[lane][i] =
          r->operands[lane][6 + i] + (uint32_t)sim_dot32(a[lane / 4 + 8 * (i >> 1)], b[2 * (lane % 4) + (i & 1)]);
}

void fptq_sim_mma_m16n8k32(uint32_t *d, const uint32_t *operands, uint32_t signs, const char *site) {
  memcpy(d, sim_meet(~0u, site, operands, 10, multiply, signs), 4 * sizeof *d);
}

/* Lane 8 * i + j brought the address of row j of matrix i; each lane takes two 16-bit elements of each matrix. */
static void load_matrices(Rendezvous *r, uint32_t argument) {
  uint32_t count = argument & 255, transposed = argument >> 8;
  for (uint32_t m = 0; m < count; ++m)
    for (int lane = 0; lane < kWarp; ++lane) {
      uint16_t pair[2];
      for (int i = 0; i < 2; ++i) {
        int row = transposed ? 2 * (lane % 4) + i : lane / 4, column = transposed ? lane / 4 : 2 * (lane % 4) + i;
        memcpy(&pair[i], fptq_sim.window + r->operands[8 * m + row][0] + 2 * column, 2);
      }
      r->results[lane][m] = pair[0] | (uint32_t)pair[1] << 16;
    }
}

void fptq_sim_ldmatrix(uint32_t *d, const void *row, uint32_t count, uint32_t transposed, const char *site) {
  uint32_t lane = fptq_sim.current % kWarp, address = 0;
  if (lane < 8 * count) {
    fptq_sim_access(row, 16, 16, 0, kSharedSpace, site);
    address = sim_shared_address(row, 16, 16, site);
  }
  memcpy(d, sim_meet(~0u, site, &address, 1, load_matrices, count | transposed << 8), count * sizeof *d);
}
