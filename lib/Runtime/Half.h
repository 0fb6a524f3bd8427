/*===- Half.h - 16-bit floats to f32, exactly ----------------------*- C -*-===*/
#ifndef FPTQ_LIB_RUNTIME_HALF_H
#define FPTQ_LIB_RUNTIME_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float fptq_bits_to_float(uint32_t bits) {
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

static inline float fptq_half_to_float(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
  if (exponent == 0) { /* zero or subnormal: mantissa * 2^-24 */
    float magnitude = ldexpf((float)mantissa, -24);
    return sign ? -magnitude : magnitude;
  }
  uint32_t widened = exponent == 31 ? 255 : exponent + 112;
  return fptq_bits_to_float(sign | widened << 23 | mantissa << 13);
}

static inline float fptq_bfloat_to_float(uint16_t h) { return fptq_bits_to_float((uint32_t)h << 16); }

#endif /* FPTQ_LIB_RUNTIME_HALF_H */
