/*===- Fiber.h - stacks to switch between --------------------------*- C -*-===
 *
 * A simulated thread is a fiber: it runs until it has to wait for others, then hands the processor back.
 * ucontext saves the signal mask with a system call at every switch, thirty times the cost of the switch
 * itself; on x86-64 and AArch64 the registers of the calling convention are saved by hand instead.
 *
 *===----------------------------------------------------------------------===*/
#ifndef FPTQ_RUNTIME_GPUSIMULATOR_FIBER_H
#define FPTQ_RUNTIME_GPUSIMULATOR_FIBER_H

#include <stddef.h>

typedef struct FptqFiber {
  void *context; /* saved stack pointer, or a ucontext_t */
  char *stack;   /* lowest address; below it a page that faults */
  size_t bytes;
} FptqFiber;

/* Maps a stack. 0 on success. A fiber is started again by another fptq_fiber_start. */
int fptq_fiber_create(FptqFiber *fiber, size_t bytes);
void fptq_fiber_destroy(FptqFiber *fiber);
/* The next switch to `fiber` calls entry(), which must not return. */
void fptq_fiber_start(FptqFiber *fiber, void (*entry)(void));
/* Saves the caller in `from` and goes on with `to`. */
void fptq_fiber_switch(FptqFiber *from, FptqFiber *to);

#endif /* FPTQ_RUNTIME_GPUSIMULATOR_FIBER_H */
