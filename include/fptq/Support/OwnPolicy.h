//===- OwnPolicy.h - policies that the model brought ------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_OWNPOLICY_H
#define FPTQ_SUPPORT_OWNPOLICY_H

#include "fptq/IR/Fptq.h"

namespace mlir::fptq {

/// A mark for `fptq-choose-policy` when it runs again: by then a layer has a scheme, whoever decided its policy.
constexpr llvm::StringLiteral kOwnPolicyAttr = "fptq.own_policy";

/// Whether the layer's policy came with the model: what `fptq-choose-policy` decided itself has a scheme, and no mark.
inline bool hasOwnPolicy(LinearOp op) {
  return op.getPolicyAttr() && (!op.getSchemeAttr() || op->hasAttr(kOwnPolicyAttr));
}

inline void markOwnPolicy(LinearOp op, bool isOwn) {
  if (isOwn)
    op->setAttr(kOwnPolicyAttr, UnitAttr::get(op.getContext()));
  else
    op->removeAttr(kOwnPolicyAttr);
}

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_OWNPOLICY_H
