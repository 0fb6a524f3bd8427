/*===- Symbols.c - the simulator by name ----------------------------------===*/
#include "SimulatorCalls.h"
#include "fptq-runtime/GpuSimulator.h"

#include <stddef.h>

#define SYMBOL(name) {#name, (const void *)&name}

const FptqSimSymbol fptq_sim_symbols[] = {
    SYMBOL(fptq_sim_launch),
    SYMBOL(fptq_sim_register),
    SYMBOL(fptq_sim_shared),
    SYMBOL(fptq_sim_access),
    SYMBOL(fptq_sim_fence),
    SYMBOL(fptq_sim_barrier),
    SYMBOL(fptq_sim_barrier_arrive),
    SYMBOL(fptq_sim_syncwarp),
    SYMBOL(fptq_sim_elect),
    SYMBOL(fptq_sim_vote),
    SYMBOL(fptq_sim_shuffle),
    SYMBOL(fptq_sim_reduce),
    SYMBOL(fptq_sim_permute),
    SYMBOL(fptq_sim_lop3),
    SYMBOL(fptq_sim_mma_m16n8k32),
    SYMBOL(fptq_sim_ldmatrix),
    SYMBOL(fptq_sim_cp_async),
    SYMBOL(fptq_sim_cp_async_commit),
    SYMBOL(fptq_sim_cp_async_wait),
    SYMBOL(fptq_sim_bulk_load),
    SYMBOL(fptq_sim_mbarrier_init),
    SYMBOL(fptq_sim_mbarrier_invalidate),
    SYMBOL(fptq_sim_mbarrier_arrive),
    SYMBOL(fptq_sim_mbarrier_arrive_expect),
    SYMBOL(fptq_sim_mbarrier_expect),
    SYMBOL(fptq_sim_mbarrier_wait_parity),
    SYMBOL(fptq_sim_wgmma_fence),
    SYMBOL(fptq_sim_wgmma),
    SYMBOL(fptq_sim_wgmma_take),
    SYMBOL(fptq_sim_wgmma_commit),
    SYMBOL(fptq_sim_wgmma_wait),
    SYMBOL(fptq_sim_proxy_fence),
    SYMBOL(fptq_sim_griddep_wait),
    SYMBOL(fptq_sim_nothing),
    {NULL, NULL},
};
