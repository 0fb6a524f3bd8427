//===- PackedAddresses.h - where a packed weight keeps its parts -*- C++ -*-===//
//
// docs/PackedLayout.md as affine maps, for code that reads single rows of a packed weight. Kernels, which read whole
// panels, have their own loops.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_PACK_PACKEDADDRESSES_H
#define FPTQ_PACK_PACKEDADDRESSES_H

#include "fptq/Pack/Layout.h"
#include "mlir/IR/AffineMap.h"

namespace mlir::fptq {

/// Maps from (output channel n, group g) to bytes of the packed weight; those of codes also take a quad q, four input
/// channels `4 q .. 4 q + 3` of the group, which every layout keeps in the same nibble of four neighbouring bytes.
struct PackedAddresses {
  static constexpr int64_t kQuad = 4;
  AffineMap codes;      ///< (n, g, q) to the first of the four bytes
  AffineMap shift;      ///< (n, g, q) to 0 for low nibbles, 4 for high ones
  AffineMap scale;      ///< (n, g) to an f32 or f16
  AffineMap zero;       ///< (n, g) to the zero point, or the two-level offset; null when symmetric
  AffineMap multiplier; ///< (n, g) to the two-level multiplier; null in the group scheme
};

PackedAddresses packedAddresses(MLIRContext *context, Layout layout, const PackedShape &shape);

} // namespace mlir::fptq

#endif // FPTQ_PACK_PACKEDADDRESSES_H
