//===- PayloadWalk.h - a scale through the body of a linalg op ---*- C++ -*-===//
#ifndef FPTQ_LIB_EQUALIZE_PAYLOADWALK_H
#define FPTQ_LIB_EQUALIZE_PAYLOADWALK_H

#include "fptq/Equalize/ScalePropagation.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::fptq {

/// Plans to scale `result` of `op` (`map`: where the channels lie in it) by scaling its operands;
/// `intoOperand` goes on from there.
FoldPlan planThroughPayload(linalg::LinalgOp op, OpResult result, const ChannelMap &map,
                            function_ref<FoldPlan(OpOperand &, const ChannelMap &)> intoOperand);

} // namespace mlir::fptq

#endif // FPTQ_LIB_EQUALIZE_PAYLOADWALK_H
