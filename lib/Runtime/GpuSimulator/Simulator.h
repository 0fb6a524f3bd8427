/*===- Simulator.h - one block of a GPU kernel on the CPU ----------*- C -*-===
 *
 * What the parts of the simulator share. Code made by fptq-simulate-gpu calls the functions of
 * SimulatorCalls.h; they act on the one block that is running. Nothing here is thread safe: fptq_gpu_launch
 * holds a lock while a kernel runs.
 *
 *===----------------------------------------------------------------------===*/
#ifndef FPTQ_RUNTIME_GPUSIMULATOR_SIMULATOR_H
#define FPTQ_RUNTIME_GPUSIMULATOR_SIMULATOR_H

#include "Fiber.h"

#include <stdint.h>

enum {
  kWarp = 32,
  kMaxThreads = 1024,
  kMaxWarps = kMaxThreads / kWarp,
  kNamedBarriers = 16,
  kMaxMbarriers = 64,
  kMaxBuffers = 32,
  /* A block's largest shared memory is 227 KiB; the window is a power of two, and aligned to its size, so that the low
   * bits of a host address are the shared address that matrix descriptors are made of. */
  kWindowBytes = 1 << 18,
  kGranule = 4, /* bytes of shared memory that one entry of the shadow stands for */
  kGranules = kWindowBytes / kGranule
};

enum { kAnySpace = 0, kGlobalSpace = 1, kSharedSpace = 3 };

/* Knowledge of other warps: what is ordered before now of warp w, up to its tick and to its last proxy fence. */
typedef struct Clock {
  uint32_t tick[kMaxWarps], fence[kMaxWarps];
} Clock;

typedef struct Buffer {
  char *base;
  int64_t bytes;
  int writable;
  int early; /* no kernel writes it: may be read before griddepcontrol.wait */
} Buffer;

/* What an access does, as fptq-simulate-gpu numbers it. */
typedef enum SimAccess { kRead, kWrite, kAtomic, kReadConstant } SimAccess;

/* A copy on its way to shared memory. */
typedef struct Copy {
  char *to;
  const char *from;
  uint32_t bytes, filled; /* `filled` of them come from memory, the rest are zero */
  uint32_t group;         /* cp.async: number of its group */
  int mbarrier;           /* bulk: index of the barrier that counts it */
  Clock issued;
} Copy;

typedef struct CopyQueue {
  Copy *items;
  int count, capacity;
} CopyQueue;

typedef enum LaneState { kReady, kWaiting, kDone } LaneState;

typedef struct Lane {
  FptqFiber fiber;
  LaneState state;
  const uint32_t *watched; /* waiting until *watched != seen */
  uint32_t seen;
  const char *site; /* the operation it waits in */
  CopyQueue copies; /* cp.async */
  uint32_t copy_group;
  uint64_t steps; /* memory accesses since it last waited */
  int waited;     /* griddepcontrol.wait */
  /* GlobalRaces.c: what its warp knew at its last fence; its last atomic operation, and how many it came after. */
  int fenced, atomic_sees;
  uint32_t fence_ticks[kMaxWarps];
  const char *atomic_word;
} Lane;

/* A warp-wide operation collects its operands here; the last lane to come computes for all. */
typedef struct Rendezvous {
  const char *site;
  uint32_t mask, arrived, generation;
  uint32_t operands[kWarp][12], results[kWarp][4];
} Rendezvous;

typedef struct NamedBarrier {
  uint32_t arrived, expected, generation; /* expected 0: all threads of the block */
  int whole_block;
  Clock collected, released;
} NamedBarrier;

typedef struct Mbarrier {
  uint32_t address; /* in shared memory; UINT32_MAX where it was invalidated */
  uint32_t count, pending, phase;
  int64_t transactions;
  Clock collected, released;
} Mbarrier;

typedef struct Block {
  const char *kernel;
  void (*body)(void *const *arguments);
  void *const *arguments;
  uint32_t grid[3], block[3], index[3];
  uint32_t threads, warps, exited;
  uint32_t shared_bytes;
  int dependent;  /* it may start while the kernel before still runs */
  uint32_t order; /* seed of the order of blocks; 0: as numbered */
  Buffer buffers[kMaxBuffers];
  int buffer_count;
  Lane *lanes;
  Rendezvous rendezvous[kMaxWarps];
  NamedBarrier barriers[kNamedBarriers];
  Mbarrier mbarriers[kMaxMbarriers];
  int mbarrier_count;
  CopyQueue bulk_copies;
  Clock clocks[kMaxWarps];
  uint32_t current; /* the running thread */
  FptqFiber scheduler;
  char *window; /* shared memory */
} Block;

extern Block fptq_sim;

static inline Lane *sim_lane(void) { return &fptq_sim.lanes[fptq_sim.current]; }
static inline uint32_t sim_warp(void) { return fptq_sim.current / kWarp; }

/* Launch.c: ends the launch with a message that names kernel, block, thread and `site` (may be null). */
_Noreturn void sim_fail(const char *site, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Hands over to other threads until *watched differs from what it is now. */
void sim_wait(const uint32_t *watched, const char *site);

/* Memory.c */
void sim_memory_reset(void);
void sim_check(const void *address, int64_t bytes, int64_t alignment, SimAccess access, int space, const char *site);
/* Checks that `address` lies in shared memory, aligned, and returns it as the device sees it. */
uint32_t sim_shared_address(const void *address, int64_t bytes, int64_t alignment, const char *site);

/* GlobalRaces.c: before a launch, before a block, and at each access to global memory that a kernel may write. */
int sim_global_begin(void);
void sim_global_block(void);
void sim_global_access(const char *address, int64_t bytes, SimAccess access, const char *site);
void sim_global_atomic(const char *word);

/* Races.c: shared bytes [address, address + bytes) used by the running thread's warp. */
void sim_races_reset(void);
void sim_race_read(uint32_t address, uint32_t bytes, const char *site);
void sim_race_write(uint32_t address, uint32_t bytes, const char *site);
/* A copy's write, at its start. cp.async is an ordinary write to asynchronous readers, a bulk copy one of their own. */
void sim_race_copy(uint32_t address, uint32_t bytes, int bulk, const char *site);
void sim_race_atomic(uint32_t address, const char *site);
/* Called before anything else happens after a store. */
void sim_race_settle(void);
/* A cp.async of this warp is waited for: only now is there something for a fence to order. */
void sim_race_landed(uint32_t address, uint32_t bytes);
/* Only that the last write is ordered before; the use itself needs no order (an mbarrier). */
void sim_race_see(uint32_t address, const char *site);
/* As sim_race_read, by the asynchronous proxy, which also needs a proxy fence after ordinary writes. */
void sim_race_read_async(uint32_t address, uint32_t bytes, const char *site);
/* Marks bytes that a copy on its way will overwrite; no access to them until it has landed. */
void sim_in_flight(uint32_t address, uint32_t bytes, int on);
void sim_clock_join(Clock *into, const Clock *from);
void sim_release(Clock *into);
/* What the running warp does from now on is later than what it did. */
void sim_tick(void);
void sim_acquire(const Clock *from);

/* AsyncCopies.c */
void sim_copy_push(CopyQueue *queue, const Copy *copy);
/* Lands bulk copies of mbarrier `index`, or of all that threads wait for (-1); returns how many landed. */
int sim_land_bulk_copies(int index);

/* Barriers.c: the running thread exits. */
void sim_barriers_exit(void);

/* Block.c */
int sim_run_grid(void);
const char *sim_message(void);
/* Sets the message, and returns 1. */
int sim_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Mbarrier.c */
int sim_mbarrier_find(const void *address, const char *site);
void sim_mbarrier_complete(int index, int64_t bytes, const Clock *issued);
int sim_mbarrier_watched(int index);

/* Wgmma.c */
void sim_wgmma_reset(void);

#endif /* FPTQ_RUNTIME_GPUSIMULATOR_SIMULATOR_H */
