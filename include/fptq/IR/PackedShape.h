//===- PackedShape.h - what a packed operand holds --------------*- C++ -*-===//
#ifndef FPTQ_IR_PACKEDSHAPE_H
#define FPTQ_IR_PACKEDSHAPE_H

#include "fptq/IR/Fptq.h"
#include "fptq/Pack/Layout.h"

namespace mlir::fptq {

/// A weight of `n` x `k` in `scheme`.
PackedShape packedShape(SchemeAttr scheme, int64_t n, int64_t k, bool halfScales);

/// The same of one that `layout` packed in so many bytes: f16 scales are told by their number (P9).
PackedShape packedShape(SchemeAttr scheme, LayoutAttr layout, int64_t n, int64_t k, int64_t bytes);

/// Whether a product's weight has scales of f16. Those of a weight of unknown size are f32 unless the op says
/// otherwise.
bool hasHalfScales(PackedMatmulOp op);

} // namespace mlir::fptq

#endif // FPTQ_IR_PACKEDSHAPE_H
