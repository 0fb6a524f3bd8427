/*===- Activation.h - coefficients of the activation functions -----*- C -*-===
 *
 * Plain C, no LLVM. What the reference and every generated kernel compute SiLU and GELU from, operation by
 * operation the same: docs/PackedLayout.md (A4), (A5).
 *
 *===----------------------------------------------------------------------===*/
#ifndef FPTQ_RUNTIME_ACTIVATION_H
#define FPTQ_RUNTIME_ACTIVATION_H

/* exp(t) for t <= 0. Range reduction by ln 2 in two parts, and Cephes' polynomial (expf.c, S. Moshier):
 * exp(r) = 1 + r + r^2 * P(r) for |r| <= ln(2) / 2, highest power first. */
static const float kFptqExpLog2e = 1.44269504f, kFptqExpLn2High = 0.693359375f, kFptqExpLn2Low = -2.12194440e-4f;
static const float kFptqExpPolynomial[6] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                            4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
/* Adding and subtracting it rounds to an integer, which the low bits of the sum hold. */
static const float kFptqExpRounder = 12582912.0f; /* 1.5 * 2^23 */
/* Below, the result is less than 2^-126, the smallest normal number, and becomes 0. */
static const float kFptqExpLowest = -87.3365448f;

/* exp(a^2 / 2) * (1 - Phi(a)) = t * P(t) with t = 1 / (1 + c * a), 0 <= a <= 13.3, highest power first: a minimax fit
 * (Lawson's iteration) with a relative error of 2.1e-8. Above, exp(-a^2 / 2) is 0. */
static const float kFptqTailPole = 0.26f, kFptqTailLargest = 16.0f;
static const float kFptqTailPolynomial[9] = {0.030896031f, -0.15473986f, 0.25546573f, -0.15553472f, 0.16415152f,
                                             0.049642935f, 0.10339121f,  0.10296495f, 0.10376218f};

/* gelu_tanh(x) = x / (1 + exp(-x * (linear + cubic * x^2))): 2 * sqrt(2 / pi) and 0.044715 times that. */
static const float kFptqGeluLinear = 1.59576912f, kFptqGeluCubic = 0.0713548163f;

#endif /* FPTQ_RUNTIME_ACTIVATION_H */
