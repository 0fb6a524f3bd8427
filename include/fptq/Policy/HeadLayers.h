//===- HeadLayers.h - what stays float by default ----------------*- C++ -*-===//
#ifndef FPTQ_POLICY_HEADLAYERS_H
#define FPTQ_POLICY_HEADLAYERS_H

namespace mlir::fptq {

/// Layers that stay float unless a recipe's rule names them: the head, and the table that may be tied to it. The paper
/// quantizes the linears of the transformer blocks; everybody's head stays float (docs/Rationale.md).
inline constexpr char kHeadLayers[] = "(^|[./])(lm_head|embed_tokens|wte)$";

} // namespace mlir::fptq

#endif // FPTQ_POLICY_HEADLAYERS_H
