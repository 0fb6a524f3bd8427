//===- MatchActivation.h - SiLU, GELU and gated linear units ----*- C++ -*-===//
#ifndef FPTQ_LIB_FUSE_MATCHACTIVATION_H
#define FPTQ_LIB_FUSE_MATCHACTIVATION_H

#include "ElementwiseExpression.h"
#include "fptq/IR/Fptq.h"

namespace mlir::fptq {

/// `function(x) * multiplicand`, the latter where there is one.
struct ActivatedProduct {
  Value x, multiplicand;
  ActivationFunction function;
};

/// `op`'s result as that, of tensors of its type; `x` is read for nothing else.
std::optional<ActivatedProduct> matchActivation(Operation *op);

} // namespace mlir::fptq

#endif // FPTQ_LIB_FUSE_MATCHACTIVATION_H
