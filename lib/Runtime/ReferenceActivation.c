/*===- ReferenceActivation.c - SiLU and GELU, the oracle ------------------===
 *
 * Support/Activation.cpp emits the same operations in the same order. libm's exp and erf would be different functions
 * on every machine.
 *
 *===----------------------------------------------------------------------===*/
#include "fptq-runtime/Activation.h"
#include "fptq-runtime/Kernels.h"
#include <math.h>
#include <string.h>

static float horner(const float *coefficients, int count, float x) {
  float sum = coefficients[0];
  for (int i = 1; i < count; ++i)
    sum = fmaf(sum, x, coefficients[i]);
  return sum;
}

/* exp(t) for t <= 0; 0 for NaN, so that only one operand of what follows can be one. */
static float exp_negative(float t) {
  float bounded = t > kFptqExpLowest ? t : kFptqExpLowest;
  float shifted = fmaf(bounded, kFptqExpLog2e, kFptqExpRounder), n = shifted - kFptqExpRounder;
  float r = fmaf(n, -kFptqExpLn2Low, fmaf(n, -kFptqExpLn2High, bounded));
  float p = fmaf(horner(kFptqExpPolynomial, 6, r), r * r, r) + 1.0f;
  uint32_t bits;
  memcpy(&bits, &shifted, 4);
  bits = (bits << 23) + 0x3f800000u; /* 2^n */
  float power;
  memcpy(&power, &bits, 4);
  return t > kFptqExpLowest ? p * power : 0.0f;
}

/* x / (1 + exp(-v)), by the exponential that does not overflow. */
static float times_sigmoid(float x, float v) {
  float e = exp_negative(-fabsf(v));
  return x * (v < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* x * Phi(x), by the tail of the normal distribution, which does not cancel. */
static float gelu(float x) {
  float a = fabsf(x);
  a = a < kFptqTailLargest ? a : kFptqTailLargest;
  float square = a * a, rest = fmaf(a, a, -square);
  float e = exp_negative(square * -0.5f);
  e = fmaf(e, rest * -0.5f, e);
  float t = 1.0f / fmaf(kFptqTailPole, a, 1.0f);
  float tail = e * (t * horner(kFptqTailPolynomial, 9, t));
  return x * (x < 0.0f ? tail : 1.0f - tail);
}

float fptq_reference_activation(FptqActivation activation, float x) {
  switch (activation) {
  case FPTQ_SILU:
    return times_sigmoid(x, x);
  case FPTQ_GELU:
    return gelu(x);
  case FPTQ_GELU_TANH:
    return times_sigmoid(x, x * fmaf(x * x, kFptqGeluCubic, kFptqGeluLinear));
  default:
    return x;
  }
}
