/*===- ReferenceQuantize.c - activations to int8, plainly -----------------===*/
#include "Half.h"
#include "fptq-runtime/Kernels.h"

static float load(const FptqQuantize *z, FptqElement element, int64_t row, int64_t k) {
  int64_t at = row * z->x_stride + k;
  float x = element == FPTQ_ELEMENT_F32   ? ((const float *)z->x)[at]
            : element == FPTQ_ELEMENT_F16 ? fptq_half_to_float(((const uint16_t *)z->x)[at])
                                          : fptq_bfloat_to_float(((const uint16_t *)z->x)[at]);
  return z->multiplier ? x * z->multiplier[k] : x;
}

/* (Q1) The row's scale; NaN when the row holds one. */
static float row_scale(const FptqQuantize *z, FptqElement element, int64_t row) {
  float largest = 0;
  for (int64_t k = 0; k < z->k; ++k) {
    float x = load(z, element, row, k);
    if (isnan(x))
      return NAN;
    largest = fabsf(x) > largest ? fabsf(x) : largest;
  }
  if (z->static_scale)
    return *z->static_scale;
  return largest > 0 ? largest / 127.0f : 1.0f;
}

/* (Q2) Round half to even, saturate; what is not a number is 0. */
static int8_t quantize(float x, float inverse) {
  float v = rintf(x * inverse);
  if (isnan(v))
    return 0;
  return (int8_t)(v > 127.0f ? 127.0f : v < -127.0f ? -127.0f : v);
}

void fptq_reference_quantize(const FptqQuantize *z, FptqElement element, int64_t first, int64_t last) {
  for (int64_t row = first; row < last; ++row) {
    float scale = row_scale(z, element, row), inverse = 1.0f / scale;
    z->scales[row] = scale;
    for (int64_t g = 0; g * z->group_size < z->k; ++g) {
      int32_t sum = 0;
      for (int64_t i = 0; i < z->padded_group; ++i) {
        int64_t k = g * z->group_size + i;
        int8_t code = i < z->group_size && k < z->k ? quantize(load(z, element, row, k), inverse) : 0;
        z->q[row * z->q_stride + g * z->padded_group + i] = code;
        sum += code;
      }
      z->sums[row * z->sums_stride + g] = sum;
    }
  }
}
