//===- OwnPolicy.h - policies that the model brought ------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_OWNPOLICY_H
#define FPTQ_SUPPORT_OWNPOLICY_H

#include "fptq/IR/Fptq.h"

namespace mlir::fptq {

/// Marks for `fptq-choose-policy` when it runs again. By then a layer has a scheme, whoever decided its policy, unless
/// it stays float.
constexpr llvm::StringLiteral kOwnPolicyAttr = "fptq.own_policy", kChosenFloatAttr = "fptq.chosen_float";

/// Whether the layer's policy came with the model: what `fptq-choose-policy` decided itself has a scheme, and no mark,
/// or is float and marked so.
inline bool hasOwnPolicy(LinearOp op) {
  if (!op.getPolicyAttr())
    return false;
  return op->hasAttr(kOwnPolicyAttr) || (!op.getSchemeAttr() && !op->hasAttr(kChosenFloatAttr));
}

/// To be called when the policy is set.
inline void markOwnPolicy(LinearOp op, bool isOwn) {
  auto mark = [&](llvm::StringRef name, bool holds) {
    if (holds)
      op->setAttr(name, UnitAttr::get(op.getContext()));
    else
      op->removeAttr(name);
  };
  mark(kOwnPolicyAttr, isOwn);
  mark(kChosenFloatAttr, !isOwn && op.getPolicyAttr().getKind() == PolicyKind::Float);
}

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_OWNPOLICY_H
