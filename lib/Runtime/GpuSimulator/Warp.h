/*===- Warp.h - warp-wide operations -------------------------------*- C -*-===*/
#ifndef FPTQ_RUNTIME_GPUSIMULATOR_WARP_H
#define FPTQ_RUNTIME_GPUSIMULATOR_WARP_H

#include "Simulator.h"

/* Fills results from the operands of all lanes in `arrived`. */
typedef void (*Together)(Rendezvous *r, uint32_t argument);

/* Waits until all threads of `mask` have come to `site`; the last one computes for all. Returns this lane's results,
 * which stay until the warp has met again. */
uint32_t *sim_meet(uint32_t mask, const char *site, const uint32_t *operands, int count, Together compute,
                   uint32_t argument);

/* mlir::NVVM::ReduxKind. */
enum { kReduceAdd = 1, kReduceAnd, kReduceMax, kReduceMin, kReduceOr, kReduceUmax, kReduceUmin, kReduceXor };

#endif /* FPTQ_RUNTIME_GPUSIMULATOR_WARP_H */
