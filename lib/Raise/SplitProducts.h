//===- SplitProducts.h - arithmetic out of contractions ----------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_SPLITPRODUCTS_H
#define FPTQ_LIB_RAISE_SPLITPRODUCTS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::fptq {

/// What a contraction computes of its weight, or of its activation, in its own body becomes a generic before it:
/// `sum += x * (w * scale)` is `sum += x * w'`. One that has several such sums becomes one for each.
void splitProducts(ModuleOp module);

/// The weight of a contraction that `splitProducts` left as it is, because what the weight is multiplied with has no
/// one place before the sum; null if there is none.
Value unsplitWeight(linalg::LinalgOp op);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_SPLITPRODUCTS_H
