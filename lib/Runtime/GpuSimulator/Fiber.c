/*===- Fiber.c - stacks to switch between ---------------------------------===*/
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#endif
#include "Fiber.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int fptq_fiber_create(FptqFiber *fiber, size_t bytes) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  bytes = (bytes + page - 1) / page * page;
  char *map = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED || mprotect(map, page, PROT_NONE))
    return 1;
  fiber->context = NULL;
  fiber->stack = map + page;
  fiber->bytes = bytes;
  return 0;
}

static void unmap(FptqFiber *fiber) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (fiber->stack)
    munmap(fiber->stack - page, fiber->bytes + page);
  fiber->stack = NULL;
}

#if defined(__x86_64__)
/* rbx, rbp, r12-r15 are all that a callee must keep. */
__asm__(".text\n"
        ".hidden fptq_fiber_swap\n"
        ".globl fptq_fiber_swap\n"
        ".type fptq_fiber_swap, @function\n"
        "fptq_fiber_swap:\n"
        "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
        "  ret\n"
        ".size fptq_fiber_swap, .-fptq_fiber_swap\n");
enum { kFrameWords = 8, kReturnWord = 6 }; /* with the word above the return address, for alignment */
#define FPTQ_OWN_SWITCH 1
#elif defined(__aarch64__)
__asm__(".text\n"
        ".hidden fptq_fiber_swap\n"
        ".globl fptq_fiber_swap\n"
        ".type fptq_fiber_swap, %function\n"
        "fptq_fiber_swap:\n"
        "  sub sp, sp, #160\n"
        "  stp d8, d9, [sp, #0]\n  stp d10, d11, [sp, #16]\n  stp d12, d13, [sp, #32]\n  stp d14, d15, [sp, #48]\n"
        "  stp x19, x20, [sp, #64]\n  stp x21, x22, [sp, #80]\n  stp x23, x24, [sp, #96]\n"
        "  stp x25, x26, [sp, #112]\n  stp x27, x28, [sp, #128]\n  stp x29, x30, [sp, #144]\n"
        "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
        "  ldp d8, d9, [sp, #0]\n  ldp d10, d11, [sp, #16]\n  ldp d12, d13, [sp, #32]\n  ldp d14, d15, [sp, #48]\n"
        "  ldp x19, x20, [sp, #64]\n  ldp x21, x22, [sp, #80]\n  ldp x23, x24, [sp, #96]\n"
        "  ldp x25, x26, [sp, #112]\n  ldp x27, x28, [sp, #128]\n  ldp x29, x30, [sp, #144]\n"
        "  add sp, sp, #160\n"
        "  ret\n"
        ".size fptq_fiber_swap, .-fptq_fiber_swap\n");
enum { kFrameWords = 20, kReturnWord = 19 };
#define FPTQ_OWN_SWITCH 1
#endif

#ifdef FPTQ_OWN_SWITCH
void fptq_fiber_swap(void **save, void *load);

void fptq_fiber_start(FptqFiber *fiber, void (*entry)(void)) {
  uintptr_t top = ((uintptr_t)fiber->stack + fiber->bytes) & ~(uintptr_t)63;
  uintptr_t *frame = (uintptr_t *)top - kFrameWords;
  for (int i = 0; i < kFrameWords; ++i)
    frame[i] = 0;
  frame[kReturnWord] = (uintptr_t)entry;
  fiber->context = frame;
}

void fptq_fiber_switch(FptqFiber *from, FptqFiber *to) { fptq_fiber_swap(&from->context, to->context); }

void fptq_fiber_destroy(FptqFiber *fiber) { unmap(fiber); }
#else
#include <ucontext.h>

static ucontext_t *context(FptqFiber *fiber) {
  if (!fiber->context)
    fiber->context = calloc(1, sizeof(ucontext_t));
  return fiber->context;
}

void fptq_fiber_start(FptqFiber *fiber, void (*entry)(void)) {
  ucontext_t *c = context(fiber);
  getcontext(c);
  c->uc_stack.ss_sp = fiber->stack;
  c->uc_stack.ss_size = fiber->bytes;
  c->uc_link = NULL;
  makecontext(c, entry, 0);
}

void fptq_fiber_switch(FptqFiber *from, FptqFiber *to) { swapcontext(context(from), context(to)); }

void fptq_fiber_destroy(FptqFiber *fiber) {
  free(fiber->context);
  unmap(fiber);
}
#endif
