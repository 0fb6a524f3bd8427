/*===- CpuTier.h - the best tier this processor and system allow ---*- C -*-===*/
#ifndef FPTQ_RUNTIME_CPUTIER_H
#define FPTQ_RUNTIME_CPUTIER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In order: each needs all that the one before needs. */
typedef enum FptqTier { FPTQ_REFERENCE, FPTQ_AVX2, FPTQ_AVX512VNNI, FPTQ_AMX_INT8 } FptqTier;

/* The best tier CPUID, the operating system and the environment allow. FPTQ_TIER=NAME may only lower it. Asks Linux for
 * the AMX state the first time. Runs nothing newer than CPUID before it is known to be legal. */
FptqTier fptq_cpu_tier(void);

/* As fptq_cpu_tier, ignoring FPTQ_TIER; `*reason` says what the next better tier lacks. */
FptqTier fptq_cpu_detect(const char **reason);

/* What CPUID and XCR0 say. All zero where the processor has none of it. */
typedef struct FptqCpuWords {
  uint32_t leaf1_ecx, leaf7_ebx, leaf7_ecx, leaf7_edx;
  uint64_t xcr0; /* register states the system saves; 0 without OSXSAVE */
} FptqCpuWords;

/* The decision itself, of any processor: all of fptq_cpu_detect but the question to the system whether AMX may be used.
 */
FptqTier fptq_tier_of(const FptqCpuWords *words, const char **reason);

const char *fptq_tier_name(FptqTier tier);

#ifdef __cplusplus
}
#endif

#endif /* FPTQ_RUNTIME_CPUTIER_H */
