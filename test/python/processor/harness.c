/* Runs compiled kernels on drawn operands and compares with the reference; freestanding, for the emulated processor.
 *
 * check(tier, first case, cases) -> cases that differ. MATMUL(name, group, two_level) lines are generated (FORMATS). */
#include "fptq-runtime/Buffers.h"
#include "fptq-runtime/CpuTier.h"
#include "fptq-runtime/Kernels.h"
#include "kernels.h"
#include <immintrin.h>

static int forced_tier;
uint32_t fptq_cpu_tiers(void) { return 1u << forced_tier; }

static _Alignas(64) uint8_t heap[4 << 20];
static uint64_t heap_used;
void *fptq_buffer_take(size_t size) {
  void *p = heap + heap_used;
  heap_used += (size + 127) / 64 * 64;
  return heap_used <= sizeof(heap) ? p : 0;
}
void fptq_buffer_give_back(void *p) { (void)p; }
/* Where there is no room: the processor stops at an invalid instruction, which the test reports. */
void abort(void) { __builtin_trap(); }
int dprintf(int file, const char *format, ...) {
  (void)file, (void)format;
  return 0;
}
void *memset(void *p, int c, uint64_t n) {
  for (uint64_t i = 0; i < n; ++i)
    ((volatile uint8_t *)p)[i] = (uint8_t)c;
  return p;
}
void *memcpy(void *p, const void *s, uint64_t n) {
  for (uint64_t i = 0; i < n; ++i)
    ((volatile uint8_t *)p)[i] = ((const uint8_t *)s)[i];
  return p;
}

/* What the reference wants of libm. */
float fmaf(float a, float b, float c) {
  return _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)));
}
float fabsf(float x) { return _mm_cvtss_f32(_mm_andnot_ps(_mm_set_ss(-0.0f), _mm_set_ss(x))); }
float ldexpf(float x, int exponent) { /* of a half: -24..15 */
  return x * _mm_cvtss_f32(_mm_castsi128_ps(_mm_set1_epi32((127 + exponent) << 23)));
}

static uint32_t seed;
static uint32_t draw(uint32_t below) {
  seed = seed * 1664525u + 1013904223u;
  return (uint32_t)(((uint64_t)seed >> 8) * below >> 24);
}

typedef void (*Compiled)(fptq_i8_2d *, fptq_f32_1d *, fptq_i32_2d *, fptq_i8_1d *, fptq_f32_2d *);
typedef struct {
  Compiled run;
  int64_t group;
  int two_level;
} Format;
#define MATMUL(name, group, two_level) {_mlir_ciface_##name, group, two_level},
static const Format formats[] = {FORMATS};

/* A pair of panels (docs/PackedLayout.md) of any codes, with scales, multipliers and offsets in their ranges. */
static uint8_t *draw_pair(uint8_t *p, const Format *f, int64_t groups, int extreme) {
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t i = 0; i < 16 * f->group; ++i)
      *p++ = extreme ? (uint8_t)(draw(2) * 15 + draw(2) * 240) : (uint8_t)draw(256);
    for (int panel = 0; panel < 2; ++panel, p += 32) {
      for (int i = 0; f->two_level && i < 16; ++i) {
        p[i] = (uint8_t)(extreme ? 16 : 1 + draw(16));
        p[16 + i] = (uint8_t)draw(256 - 15 * p[i]);
      }
      for (int i = 0; !f->two_level && i < 16; ++i)
        p[2 * i] = (uint8_t)draw(256), p[2 * i + 1] = (uint8_t)(draw(2) << 7 | draw(0x3c));
    }
  }
  for (int i = 0; f->two_level && i < 32; ++i)
    *p++ = (uint8_t)draw(256), *p++ = (uint8_t)draw(0x3c);
  return p;
}

enum { kMaxM = 70, kMaxN = 150, kMaxK = 640, kMaxGroups = 20 };
static _Alignas(64) uint8_t packed[(kMaxN + 31) / 32 * 2 * (8 * kMaxK + 32 * kMaxGroups + 32)];
static int8_t q[kMaxM * kMaxK];
static int32_t sums[kMaxM * kMaxGroups];
static float scales[kMaxM], expected[kMaxM * kMaxN], got[kMaxM * kMaxN];

static int differs(const Format *f) {
  int64_t groups = 1 + draw((uint32_t)((f->group == 32 ? kMaxGroups * 32 : 512) / f->group)), extreme = draw(3) == 0;
  /* Few rows, a slab, AMX blocks; one column to ragged panels. */
  int64_t m = draw(3) ? 1 + draw(6) : draw(2) ? 7 + draw(14) : 33 + draw(kMaxM - 33), n = 1 + draw(kMaxN - 1);
  int64_t stride = groups * f->group;
  uint8_t *end = packed;
  for (int64_t pair = 0; pair < (n + 31) / 32; ++pair)
    end = draw_pair(end, f, groups, (int)extreme);
  for (int64_t r = 0; r < m; ++r) {
    scales[r] = 0.01f * (float)(1 + draw(100));
    for (int64_t g = 0; g < groups; ++g) {
      int32_t sum = 0;
      for (int64_t i = 0; i < f->group; ++i) {
        int x = extreme ? (draw(2) || r % 2 ? 127 : -127) : (int)draw(255) - 127;
        q[r * stride + g * f->group + i] = (int8_t)x, sum += x;
      }
      sums[r * groups + g] = sum;
    }
  }
  for (int64_t i = 0; i < m * n; ++i)
    expected[i] = got[i] = -7.0f;
  FptqMatmul mm = {m, n, groups, q, stride, scales, sums, groups, packed, 0, 0, n, expected, n, 0};
  FptqFormat format = {f->group, f->two_level, !f->two_level, 1};
  fptq_reference_matmul(&mm, &format, 0, (n + 15) / 16);
  fptq_i8_2d q_view = {q, q, 0, {m, stride}, {stride, 1}};
  fptq_f32_1d scales_view = {scales, scales, 0, {m}, {1}};
  fptq_i32_2d sums_view = {sums, sums, 0, {m, groups}, {groups, 1}};
  fptq_i8_1d weights_view = {(int8_t *)packed, (int8_t *)packed, 0, {end - packed}, {1}};
  fptq_f32_2d y_view = {got, got, 0, {m, n}, {n, 1}};
  heap_used = 0;
  f->run(&q_view, &scales_view, &sums_view, &weights_view, &y_view);
  for (int64_t i = 0; i < m * n; ++i)
    if (((uint32_t *)expected)[i] != ((uint32_t *)got)[i])
      return 1;
  return 0;
}

int check(int tier, int first, int cases) {
  int bad = 0;
  forced_tier = tier;
  for (int i = first; i < first + cases; ++i) {
    seed = (uint32_t)i * 7919u + 1;
    bad += differs(&formats[i % (int)(sizeof(formats) / sizeof(formats[0]))]);
  }
  return bad;
}
