/*===- CpuTier.h - the best tier this processor and system allow ---*- C -*-===*/
#ifndef FPTQ_RUNTIME_CPUTIER_H
#define FPTQ_RUNTIME_CPUTIER_H

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

const char *fptq_tier_name(FptqTier tier);

#ifdef __cplusplus
}
#endif

#endif /* FPTQ_RUNTIME_CPUTIER_H */
