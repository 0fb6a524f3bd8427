/*===- CpuTier.h - the tiers this processor and system allow -------*- C -*-===*/
#ifndef FPTQ_RUNTIME_CPUTIER_H
#define FPTQ_RUNTIME_CPUTIER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* From the plainest to the best. Each needs all that the ones before need, but for two: AVX-VNNI came to desktop
 * processors without AVX-512 and is missing on servers with AVX-512 VNNI; avx512vnni-zen has the instructions of
 * avx512vnni in the order that AMD's cores like. So what a machine runs is a set. */
typedef enum FptqTier {
  FPTQ_REFERENCE,
  FPTQ_AVX2,
  FPTQ_AVXVNNI,
  FPTQ_AVX512VNNI,
  FPTQ_AVX512VNNI_ZEN,
  FPTQ_AMX_INT8
} FptqTier;

enum { FPTQ_TIER_COUNT = FPTQ_AMX_INT8 + 1 };

/* What users call it: "reference", "avx2", "avxvnni", "avx512vnni", "avx512vnni-zen", "amx-int8". */
const char *fptq_tier_name(FptqTier tier);

/* The tiers that CPUID, the operating system and the environment allow, bit 1 << tier each. FPTQ_TIER=NAME leaves out
 * those above NAME, and adds none; a name that is none is said on stderr, once, and ignored. Asks Linux for the AMX
 * state the first time. Runs nothing newer than CPUID before it is known to be legal. */
uint32_t fptq_cpu_tiers(void);

/* The best of fptq_cpu_tiers. */
FptqTier fptq_cpu_tier(void);

/* The best tier whatever FPTQ_TIER says; `*reason` tells what the best of all lacks. */
FptqTier fptq_cpu_detect(const char **reason);

/* What this machine lacks to run `tier`, whatever FPTQ_TIER says; null where it runs. */
const char *fptq_cpu_lacks(FptqTier tier);

/* What CPUID and XCR0 say. All zero where the processor has none of it. */
typedef struct FptqCpuWords {
  uint32_t leaf1_ecx, leaf7_ebx, leaf7_ecx, leaf7_edx;
  uint64_t xcr0;         /* register states the system saves; 0 without OSXSAVE */
  uint32_t leaf7_1_eax;  /* subleaf 1 */
  uint32_t amd;          /* 1: leaf 0 says "AuthenticAMD" */
  uint32_t extended_ecx; /* leaf 0x80000001 */
} FptqCpuWords;

/* The decision itself, of any processor: all of fptq_cpu_lacks but the question to the system whether AMX may be used.
 */
const char *fptq_tier_lacks(const FptqCpuWords *words, FptqTier tier);

#ifdef __cplusplus
}
#endif

#endif /* FPTQ_RUNTIME_CPUTIER_H */
