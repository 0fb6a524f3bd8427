/*===- CpuTier.c - CPUID, XCR0 and the permission to use AMX --------------===*/
#include "fptq-runtime/CpuTier.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const kNames[] = {"reference", "avx2", "avx512vnni", "amx-int8"};

const char *fptq_tier_name(FptqTier tier) { return kNames[tier]; }

static int has(uint64_t value, uint64_t mask) { return (value & mask) == mask; }
#define BIT(n) (1ull << (n))

FptqTier fptq_tier_of(const FptqCpuWords *words, const char **reason) {
  *reason = "the processor or the system has no AVX";
  if (!has(words->leaf1_ecx, BIT(27)))
    return FPTQ_REFERENCE;
  *reason = "the processor has no AVX2, FMA and F16C that the system saves";
  if (!has(words->xcr0, 0x6) || !has(words->leaf1_ecx, BIT(12) | BIT(29)) || !has(words->leaf7_ebx, BIT(5)))
    return FPTQ_REFERENCE;
  *reason = "the processor has no AVX-512 F, DQ, BW, VL and VNNI";
  if (!has(words->leaf7_ebx, BIT(16) | BIT(17) | BIT(30) | BIT(31)) || !has(words->leaf7_ecx, BIT(11)))
    return FPTQ_AVX2;
  *reason = "the system does not save AVX-512 registers";
  if (!has(words->xcr0, 0xe6))
    return FPTQ_AVX2;
  *reason = "the processor has no AMX-INT8";
  if (!has(words->leaf7_edx, BIT(24) | BIT(25)))
    return FPTQ_AVX512VNNI;
  *reason = "the system does not save AMX tiles";
  if (!has(words->xcr0, 0x60000))
    return FPTQ_AVX512VNNI;
  *reason = "it is the best tier there is";
  return FPTQ_AMX_INT8;
}

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

/* ARCH_REQ_XCOMP_PERM for XTILEDATA: without it the first tile instruction kills the process. */
static int amx_permitted(void) { return syscall(SYS_arch_prctl, 0x1023, 18) == 0; }
#else
static int amx_permitted(void) { return 1; }
#endif

/* Which register states the system saves. Only legal once CPUID showed OSXSAVE; needs no -mxsave. */
static uint64_t saved_states(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low | (uint64_t)high << 32;
}

FptqTier fptq_cpu_detect(const char **reason) {
  FptqCpuWords words = {0, 0, 0, 0, 0};
  uint32_t a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d)) {
    words.leaf1_ecx = c;
    if (has(c, BIT(27)))
      words.xcr0 = saved_states();
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
    words.leaf7_ebx = b, words.leaf7_ecx = c, words.leaf7_edx = d;
  FptqTier tier = fptq_tier_of(&words, reason);
  if (tier == FPTQ_AMX_INT8 && !amx_permitted()) {
    *reason = "the system refuses the permission to use AMX";
    return FPTQ_AVX512VNNI;
  }
  return tier;
}
#else
FptqTier fptq_cpu_detect(const char **reason) {
  *reason = "the processor is not an x86-64";
  return FPTQ_REFERENCE;
}
#endif

FptqTier fptq_cpu_tier(void) {
  static volatile int known = -1; /* idempotent, so a race costs nothing */
  if (known >= 0)
    return (FptqTier)known;
  const char *reason;
  FptqTier tier = fptq_cpu_detect(&reason);
  const char *wanted = getenv("FPTQ_TIER");
  for (int lower = 0; wanted && lower < (int)tier; ++lower)
    if (!strcmp(wanted, kNames[lower]))
      tier = (FptqTier)lower;
  known = tier;
  return tier;
}
