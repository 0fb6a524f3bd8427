/*===- ReferenceMatmul.c - the oracle of every kernel ---------------------===
 *
 * The numeric contract (docs/PackedLayout.md, "Arithmetic") on packed weights, as plainly as possible.
 * Integer sums are exact; each float operation stands for one rounding, so a kernel that performs the
 * same ones agrees to the bit. Compile without contraction.
 *
 *===----------------------------------------------------------------------===*/
#include "Half.h"
#include "fptq-runtime/Kernels.h"

enum { kColumns = 16, kOctet = 8, kOctetBytes = 64 };

static float load_scale(const FptqFormat *f, const uint8_t *scales, int lane) {
  if (f->half_scales) {
    uint16_t h;
    memcpy(&h, scales + 2 * lane, 2);
    return fptq_half_to_float(h);
  }
  float s;
  memcpy(&s, scales + 4 * lane, 4);
  return s;
}

/* (P2): the sum of code * activation over one group. */
static int32_t dot_group(const uint8_t *nibbles, int lane, const int8_t *q, int64_t padded_group) {
  int32_t sum = 0;
  for (int64_t k = 0; k < padded_group; ++k) {
    uint8_t pair = nibbles[k / kOctet * kOctetBytes + 4 * lane + k % 4];
    sum += (k % kOctet < 4 ? pair & 15 : pair >> 4) * q[k];
  }
  return sum;
}

/* The sum before the activation scale (A1, A2) of one output. */
static float weighted_sum(const FptqMatmul *mm, const FptqFormat *f, const uint8_t *panel, int lane, int64_t row) {
  const int64_t scale_bytes = kColumns * (f->half_scales ? 2 : 4);
  const int64_t tail = f->padded_group / kOctet * kOctetBytes;
  const int64_t zeros = tail + (f->two_level ? kColumns : scale_bytes);
  const int64_t group_bytes = zeros + (f->symmetric && !f->two_level ? 0 : kColumns);
  const int8_t *q = mm->q + row * mm->q_stride;
  const int32_t *sums = mm->x_sums + row * mm->sums_stride;
  float sum = 0;
  int32_t total = 0;
  for (int64_t g = 0; g < mm->groups; ++g) {
    const uint8_t *group = panel + g * group_bytes;
    int32_t dot = dot_group(group, lane, q + g * f->padded_group, f->padded_group);
    if (f->two_level) {
      total += group[tail + lane] * dot + (group[zeros + lane] - 128) * sums[g];
      continue;
    }
    int32_t zero = f->symmetric ? 8 : group[zeros + lane];
    sum = fmaf((float)(dot - zero * sums[g]), load_scale(f, group + tail, lane), sum);
  }
  return f->two_level ? fmaf((float)total, load_scale(f, panel + mm->groups * group_bytes, lane), 0.0f) : sum;
}

static int64_t panel_bytes(const FptqMatmul *mm, const FptqFormat *f) {
  int64_t scale_bytes = kColumns * (f->half_scales ? 2 : 4), nibbles = f->padded_group / kOctet * kOctetBytes;
  if (f->two_level)
    return mm->groups * (nibbles + 2 * kColumns) + scale_bytes;
  return mm->groups * (nibbles + scale_bytes + (f->symmetric ? 0 : kColumns));
}

void fptq_reference_matmul(const FptqMatmul *mm, const FptqFormat *f, int64_t first_panel, int64_t last_panel) {
  for (int64_t n = first_panel * kColumns; n < last_panel * kColumns && n < mm->n; ++n) {
    const uint8_t *panel = mm->packed + n / kColumns * panel_bytes(mm, f);
    for (int64_t row = 0; row < mm->m; ++row) {
      float y = weighted_sum(mm, f, panel, n % kColumns, row) * mm->x_scales[row]; /* (A3) */
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
}
