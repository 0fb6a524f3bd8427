/*===- Kernels.h - what compiled code hands to a W4A8 kernel -------*- C -*-===
 *
 * Plain C, no LLVM. Generated kernels of every tier and the reference take the same two structures, so
 * that one call site can be served by any of them. Layout and arithmetic: docs/PackedLayout.md.
 *
 *===----------------------------------------------------------------------===*/
#ifndef FPTQ_RUNTIME_KERNELS_H
#define FPTQ_RUNTIME_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The activation function of an epilogue; attribute `activation` of fptq.packed_matmul. */
typedef enum FptqActivation { FPTQ_NO_ACTIVATION, FPTQ_SILU, FPTQ_GELU, FPTQ_GELU_TANH } FptqActivation;

/* One product y[m x n] = x8[m x k] * W4[n x k]^T. Strides count elements; the last dimension is
 * contiguous. Generated code writes this structure field by field: its order is part of the ABI. */
typedef struct FptqMatmul {
  int64_t m, n;    /* rows (tokens), output channels */
  int64_t groups;  /* of input channels */
  const int8_t *q; /* m x (groups * padded group) activation codes, -127..127 */
  int64_t q_stride;
  const float *x_scales; /* m */
  const int32_t *x_sums; /* m x groups */
  int64_t sums_stride;
  const uint8_t *packed; /* layout "x86" */
  const float *bias;     /* n, or null */
  const float *residual; /* m x n, or null */
  int64_t residual_stride;
  float *y; /* m x n */
  int64_t y_stride;
  void *scratch;             /* activations as a tier's prepare function leaves them; unused by the reference */
  int64_t activation;        /* an FptqActivation */
  const float *multiplicand; /* m x n, or null */
  int64_t multiplicand_stride;
} FptqMatmul;

/* How the weight is packed: constants in generated kernels. */
typedef struct FptqFormat {
  int64_t padded_group; /* (P3) */
  int32_t two_level, symmetric, half_scales;
} FptqFormat;

typedef enum FptqElement { FPTQ_ELEMENT_F32, FPTQ_ELEMENT_F16, FPTQ_ELEMENT_BF16 } FptqElement;

/* Quantization of m rows of k floats (fptq.quantize_activations). */
typedef struct FptqQuantize {
  int64_t m, k;         /* rows (tokens), input channels before padding */
  int64_t group_size;   /* input channels that one sum covers */
  int64_t padded_group; /* (P3): codes that it takes */
  const void *x;        /* m x k */
  int64_t x_stride;
  const float *multiplier;   /* k, or null */
  const float *static_scale; /* one, or null: per token */
  int8_t *q;                 /* m x (groups * padded_group) */
  int64_t q_stride;
  float *scales; /* m */
  int32_t *sums; /* m x groups */
  int64_t sums_stride;
} FptqQuantize;

/* The oracle: plain loops over columns [16 * first_panel, 16 * last_panel). */
void fptq_reference_matmul(const FptqMatmul *matmul, const FptqFormat *format, int64_t first_panel, int64_t last_panel);

/* The oracle of activation functions (A4). */
float fptq_reference_activation(FptqActivation activation, float x);

/* The oracle: rows [first, last). */
void fptq_reference_quantize(const FptqQuantize *quantize, FptqElement element, int64_t first, int64_t last);

#ifdef __cplusplus
}
#endif

#endif /* FPTQ_RUNTIME_KERNELS_H */
