/*===- SimulatorCalls.h - what simulated kernels call --------------*- C -*-===
 *
 * One function for each device operation that has no meaning on a host. fptq-simulate-gpu knows them by
 * name (fptq_sim_symbols), with these signatures. `site` is the operation's name and location, for messages.
 *
 *===----------------------------------------------------------------------===*/
#ifndef FPTQ_RUNTIME_GPUSIMULATOR_SIMULATORCALLS_H
#define FPTQ_RUNTIME_GPUSIMULATOR_SIMULATORCALLS_H

#include <stdint.h>

/* Special registers: 0-2 tid, 3-5 ntid, 6-8 ctaid, 9-11 nctaid, 12 laneid, 13 warpid, 14 nwarpid, 15 dynamic
 * shared bytes. */
uint32_t fptq_sim_register(uint32_t which);
char *fptq_sim_shared(uint32_t offset);
/* access: 0 reads, 1 writes, 2 atomically does both, 3 reads what nobody writes while the kernel runs. */
void fptq_sim_access(const void *address, int64_t bytes, int64_t alignment, int32_t access, int32_t space,
                     const char *site);
void fptq_sim_fence(void);

/* Barriers.c */
void fptq_sim_barrier(uint32_t id, uint32_t threads, const char *site); /* threads 0: all of the block */
void fptq_sim_barrier_arrive(uint32_t id, uint32_t threads, const char *site);

/* Warp.c. Kinds are those of the nvvm dialect's attributes. */
void fptq_sim_syncwarp(uint32_t mask, const char *site);
uint32_t fptq_sim_elect(uint32_t mask, const char *site);
uint32_t fptq_sim_vote(uint32_t kind, uint32_t mask, uint32_t predicate, const char *site);
uint64_t fptq_sim_shuffle(uint32_t kind, uint32_t mask, uint32_t value, uint32_t offset, uint32_t clamp,
                          const char *site); /* bit 32: the source lane was in range */
uint32_t fptq_sim_reduce(uint32_t kind, uint32_t value, uint32_t mask, const char *site);
uint32_t fptq_sim_permute(uint32_t low, uint32_t high, uint32_t selector);
uint32_t fptq_sim_lop3(uint32_t a, uint32_t b, uint32_t c, uint32_t table);

/* Mma.c. operands: 4 words of A, 2 of B, 4 of C; signs: bit 0 A is signed, bit 1 B is. */
void fptq_sim_mma_m16n8k32(uint32_t *d, const uint32_t *operands, uint32_t signs, const char *site);
void fptq_sim_ldmatrix(uint32_t *d, const void *row, uint32_t count, uint32_t transposed, const char *site);

/* AsyncCopies.c */
void fptq_sim_cp_async(void *to, const void *from, uint32_t bytes, uint32_t filled, const char *site);
void fptq_sim_cp_async_commit(void);
void fptq_sim_cp_async_wait(uint32_t newest);
void fptq_sim_bulk_load(void *to, const void *from, void *mbarrier, uint32_t bytes, const char *site);

/* Mbarrier.c */
void fptq_sim_mbarrier_init(void *mbarrier, uint32_t count, const char *site);
void fptq_sim_mbarrier_invalidate(void *mbarrier, const char *site);
uint64_t fptq_sim_mbarrier_arrive(void *mbarrier, uint32_t count, const char *site);
uint64_t fptq_sim_mbarrier_arrive_expect(void *mbarrier, uint32_t bytes, const char *site);
void fptq_sim_mbarrier_expect(void *mbarrier, uint32_t bytes, const char *site);
void fptq_sim_mbarrier_wait_parity(void *mbarrier, uint32_t parity, const char *site);

/* Wgmma.c. d: columns / 2 words, in and out; signs as above; `a` 4 words of the calling lane; `number` names the
 * product to fptq_sim_wgmma_take, which its sums need before they are used. */
void fptq_sim_wgmma_fence(const char *site);
void fptq_sim_wgmma(uint32_t *d, const uint32_t *a, uint64_t b, uint32_t columns, uint32_t signs, uint32_t number,
                    const char *site);
void fptq_sim_wgmma_take(uint32_t number, const char *site);
void fptq_sim_wgmma_commit(const char *site);
void fptq_sim_wgmma_wait(uint32_t newest, const char *site);

void fptq_sim_proxy_fence(void);
void fptq_sim_griddep_wait(void);
void fptq_sim_nothing(void);

typedef struct FptqSimSymbol {
  const char *name;
  const void *address;
} FptqSimSymbol;

/* All of the above and fptq_sim_launch; ends with a null name. */
extern const FptqSimSymbol fptq_sim_symbols[];

#endif /* FPTQ_RUNTIME_GPUSIMULATOR_SIMULATORCALLS_H */
