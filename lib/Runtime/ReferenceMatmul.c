/*===- ReferenceMatmul.c - the oracle of every kernel ---------------------===
 *
 * The numeric contract (docs/PackedLayout.md, "Arithmetic") on packed weights, as plainly as possible.
 * Integer sums are exact; each float operation stands for one rounding, so a kernel that performs the
 * same ones agrees to the bit. Compile without contraction.
 *
 *===----------------------------------------------------------------------===*/
#include "Half.h"
#include "fptq-runtime/Kernels.h"

enum { kColumns = 16, kPairColumns = 32, kOctet = 8, kPairOctetBytes = 128 };

/* The bytes of a pair (P1), and where a group has its parts. */
typedef struct {
  int64_t tail, zeros, tail_bytes, group_bytes, pair_bytes;
} Sizes;

static Sizes sizes_of(const FptqMatmul *mm, const FptqFormat *f) {
  const int64_t scale_bytes = kColumns * (f->half_scales ? 2 : 4);
  Sizes s;
  s.tail = f->padded_group / kOctet * kPairOctetBytes;
  s.zeros = f->two_level ? kColumns : scale_bytes;
  s.tail_bytes = s.zeros + (f->symmetric && !f->two_level ? 0 : kColumns);
  s.group_bytes = s.tail + 2 * s.tail_bytes;
  s.pair_bytes = mm->groups * s.group_bytes + (f->two_level ? 2 * scale_bytes : 0);
  return s;
}

static float load_scale(const FptqFormat *f, const uint8_t *scales, int64_t i) {
  if (f->half_scales) {
    uint16_t h;
    memcpy(&h, scales + 2 * i, 2);
    return fptq_half_to_float(h);
  }
  float s;
  memcpy(&s, scales + 4 * i, 4);
  return s;
}

/* (P2): the sum of code * activation over one group. */
static int32_t dot_group(const uint8_t *nibbles, int64_t column, const int8_t *q, int64_t padded_group) {
  int32_t sum = 0;
  for (int64_t k = 0; k < padded_group; ++k) {
    uint8_t pair = nibbles[k / kOctet * kPairOctetBytes + 4 * column + k % 4];
    sum += (k % kOctet < 4 ? pair & 15 : pair >> 4) * q[k];
  }
  return sum;
}

/* The sum before the activation scale (A1, A2) of output `n`. */
static float weighted_sum(const FptqMatmul *mm, const FptqFormat *f, int64_t n, int64_t row) {
  const Sizes s = sizes_of(mm, f);
  const int64_t column = n % kPairColumns, lane = n % kColumns;
  const uint8_t *pair = mm->packed + n / kPairColumns * s.pair_bytes;
  const int8_t *q = mm->q + row * mm->q_stride;
  const int32_t *sums = mm->x_sums + row * mm->sums_stride;
  float sum = 0;
  int32_t total = 0;
  for (int64_t g = 0; g < mm->groups; ++g) {
    const uint8_t *group = pair + g * s.group_bytes, *tail = group + s.tail + column / kColumns * s.tail_bytes;
    int32_t dot = dot_group(group, column, q + g * f->padded_group, f->padded_group);
    if (f->two_level) {
      total += tail[lane] * dot + (tail[s.zeros + lane] - 128) * sums[g];
      continue;
    }
    int32_t zero = f->symmetric ? 8 : tail[s.zeros + lane];
    sum = fmaf((float)(dot - zero * sums[g]), load_scale(f, tail, lane), sum);
  }
  return f->two_level ? fmaf((float)total, load_scale(f, pair + mm->groups * s.group_bytes, column), 0.0f) : sum;
}

void fptq_reference_matmul(const FptqMatmul *mm, const FptqFormat *f, int64_t first_panel, int64_t last_panel) {
  for (int64_t n = first_panel * kColumns; n < last_panel * kColumns && n < mm->n; ++n)
    for (int64_t row = 0; row < mm->m; ++row) {
      float y = weighted_sum(mm, f, n, row) * mm->x_scales[row]; /* (A3) */
      if (mm->bias)
        y += mm->bias[n];
      y = fptq_reference_activation((FptqActivation)mm->activation, y);
      if (mm->multiplicand)
        y *= mm->multiplicand[row * mm->multiplicand_stride + n];
      if (mm->residual)
        y += mm->residual[row * mm->residual_stride + n];
      mm->y[row * mm->y_stride + n] = y;
    }
}
