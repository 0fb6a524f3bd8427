/*===- Mma.h - fragments of integer matrix products ----------------*- C -*-===*/
#ifndef FPTQ_RUNTIME_GPUSIMULATOR_MMA_H
#define FPTQ_RUNTIME_GPUSIMULATOR_MMA_H

#include <stdint.h>

/* The 16 x 32 bytes of A that the first four words of 32 lanes hold; the same for mma.m16n8k32 and for each warp of
 * a wgmma.m64nNk32. */
void sim_unpack_a(int16_t (*rows)[32], const uint32_t (*words)[12], int is_signed);
int32_t sim_dot32(const int16_t *a, const int16_t *b);

#endif /* FPTQ_RUNTIME_GPUSIMULATOR_MMA_H */
