/*===- CpuTier.c - CPUID, XCR0 and the permission to use AMX --------------===*/
#include "fptq-runtime/CpuTier.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kNames[FPTQ_TIER_COUNT] = {[FPTQ_REFERENCE] = "reference",
                                                    [FPTQ_AVX2] = "avx2",
                                                    [FPTQ_AVXVNNI] = "avxvnni",
                                                    [FPTQ_AVX512VNNI] = "avx512vnni",
                                                    [FPTQ_AVX512VNNI_ZEN] = "avx512vnni-zen",
                                                    [FPTQ_AMX_INT8] = "amx-int8"};

const char *fptq_tier_name(FptqTier tier) { return kNames[tier]; }

#define BIT(n) (1u << (n))

/* In the order they are asked for: a tier needs what is listed for it and for those before it. */
static const struct Need {
  FptqTier tier;
  FptqCpuWords bits;
  const char *lacks;
} kNeeds[] = {
    {FPTQ_AVX2, {.leaf1_ecx = BIT(27)}, "the processor or the system has no AVX"},
    {FPTQ_AVX2,
     {.leaf1_ecx = BIT(12) | BIT(29), .leaf7_ebx = BIT(5), .xcr0 = 0x6},
     "the processor has no AVX2, FMA and F16C that the system saves"},
    /* What the rest of x86-64-v3 is, which code of these tiers is compiled for: a hypervisor may mask some of it. */
    {FPTQ_AVX2,
     {.leaf1_ecx = BIT(22), .leaf7_ebx = BIT(3) | BIT(8), .extended_ecx = BIT(5)},
     "the processor has no BMI1, BMI2, LZCNT and MOVBE"},
    {FPTQ_AVXVNNI, {.leaf7_1_eax = BIT(4)}, "the processor has no AVX-VNNI"},
    {FPTQ_AVX512VNNI,
     {.leaf7_ebx = BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31), .leaf7_ecx = BIT(11)},
     "the processor has no AVX-512 F, DQ, CD, BW, VL and VNNI"},
    {FPTQ_AVX512VNNI, {.xcr0 = 0xe6}, "the system does not save AVX-512 registers"},
    {FPTQ_AVX512VNNI_ZEN, {.amd = 1}, "the processor is not AMD's"},
    {FPTQ_AMX_INT8, {.leaf7_edx = BIT(24) | BIT(25)}, "the processor has no AMX-INT8"},
    {FPTQ_AMX_INT8, {.xcr0 = 0x60000}, "the system does not save AMX tiles"},
};

static int has(uint64_t value, uint64_t mask) { return (value & mask) == mask; }

static int meets(const FptqCpuWords *words, const FptqCpuWords *bits) {
  return has(words->leaf1_ecx, bits->leaf1_ecx) && has(words->leaf7_ebx, bits->leaf7_ebx) &&
         has(words->leaf7_ecx, bits->leaf7_ecx) && has(words->leaf7_edx, bits->leaf7_edx) &&
         has(words->xcr0, bits->xcr0) && has(words->leaf7_1_eax, bits->leaf7_1_eax) && has(words->amd, bits->amd) &&
         has(words->extended_ecx, bits->extended_ecx);
}

/* Whether later tiers need what `tier` needs. */
static int leads_on(FptqTier tier) { return tier != FPTQ_AVXVNNI && tier != FPTQ_AVX512VNNI_ZEN; }

const char *fptq_tier_lacks(const FptqCpuWords *words, FptqTier tier) {
  for (size_t i = 0; i < sizeof(kNeeds) / sizeof(kNeeds[0]); ++i) {
    int needed = kNeeds[i].tier == tier || (kNeeds[i].tier < tier && leads_on(kNeeds[i].tier));
    if (needed && !meets(words, &kNeeds[i].bits))
      return kNeeds[i].lacks;
  }
  return NULL;
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

static FptqCpuWords this_machine(void) {
  FptqCpuWords words = {0};
  uint32_t a, b, c, d;
  if (__get_cpuid(0, &a, &b, &c, &d))
    words.amd = b == signature_AMD_ebx && d == signature_AMD_edx && c == signature_AMD_ecx;
  if (__get_cpuid(1, &a, &b, &c, &d)) {
    words.leaf1_ecx = c;
    if (has(c, BIT(27)))
      words.xcr0 = saved_states();
  }
  if (__get_cpuid(0x80000001, &a, &b, &c, &d))
    words.extended_ecx = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    words.leaf7_ebx = b, words.leaf7_ecx = c, words.leaf7_edx = d;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
      words.leaf7_1_eax = a;
  }
  return words;
}

const char *fptq_cpu_lacks(FptqTier tier) {
  FptqCpuWords words = this_machine();
  const char *lacks = fptq_tier_lacks(&words, tier);
  if (!lacks && tier == FPTQ_AMX_INT8 && !amx_permitted())
    lacks = "the system refuses the permission to use AMX";
  return lacks;
}
#else
const char *fptq_cpu_lacks(FptqTier tier) { return tier == FPTQ_REFERENCE ? NULL : "the processor is not an x86-64"; }
#endif

FptqTier fptq_cpu_detect(const char **reason) {
  int tier = FPTQ_TIER_COUNT - 1;
  *reason = fptq_cpu_lacks((FptqTier)tier);
  if (!*reason)
    *reason = "it is the best tier there is";
  while (fptq_cpu_lacks((FptqTier)tier))
    --tier;
  return (FptqTier)tier;
}

/* A name that is none would otherwise be a wish that nobody hears: a program has no other place to say so. */
static void warn_unknown(const char *wanted) {
  fprintf(stderr, "fptq: FPTQ_TIER is '%s' and is ignored, expected ", wanted);
  for (int tier = 0; tier < FPTQ_TIER_COUNT; ++tier)
    fprintf(stderr, tier ? ", %s" : "%s", kNames[tier]);
  fputc('\n', stderr);
}

uint32_t fptq_cpu_tiers(void) {
  static volatile uint32_t known; /* idempotent, so a race costs nothing */
  if (known)
    return known;
  const char *wanted = getenv("FPTQ_TIER");
  uint32_t tiers = 0;
  int found = 0;
  for (int tier = 0; tier < FPTQ_TIER_COUNT; ++tier) { /* all: code of one tier needs AMX whatever FPTQ_TIER says */
    if (!fptq_cpu_lacks((FptqTier)tier) && !found)
      tiers |= BIT(tier);
    found |= wanted && !strcmp(wanted, kNames[tier]);
  }
  if (wanted && *wanted && !found)
    warn_unknown(wanted);
  return known = tiers;
}

FptqTier fptq_cpu_tier(void) {
  uint32_t tiers = fptq_cpu_tiers();
  int tier = FPTQ_TIER_COUNT - 1;
  while (!has(tiers, BIT(tier)))
    --tier;
  return (FptqTier)tier;
}
