//===- PackWeights.h - codes to packed bytes and back -----------*- C++ -*-===//
//
// The order of bytes that docs/PackedLayout.md specifies, without IR.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_PACK_PACKWEIGHTS_H
#define FPTQ_PACK_PACKWEIGHTS_H

#include "fptq/Pack/Layout.h"

namespace mlir::fptq {

/// One weight in the portable form of `fptq.quantized_matmul`; G = ceil(k / groupSize) groups. `Byte`
/// is `const uint8_t` to read and `uint8_t` to write.
template <typename Byte> struct WeightOperands {
  Byte *codes;       ///< n x ceil(G * groupSize / 2), two codes a byte, the even position in the low nibble
  Byte *scales;      ///< f32 or f16 as the shape says: n x G, or n in the two-level scheme
  Byte *zeros;       ///< n x G: zero points, or the two-level offsets b; null when symmetric
  Byte *multipliers; ///< n x G: the two-level multipliers a; null in the group scheme
};

/// Writes the `packedBytes(layout, shape)` bytes of a weight to `out`.
void packWeights(Layout layout, const PackedShape &shape, const WeightOperands<const uint8_t> &weight, uint8_t *out);

/// The inverse, bit for bit. A null pointer in `weight` skips that operand.
void unpackWeights(Layout layout, const PackedShape &shape, const uint8_t *packed,
                   const WeightOperands<uint8_t> &weight);

/// From one layout's bytes to another's, exactly.
void repackWeights(Layout from, Layout to, const PackedShape &shape, const uint8_t *packed, uint8_t *out);

} // namespace mlir::fptq

#endif // FPTQ_PACK_PACKWEIGHTS_H
