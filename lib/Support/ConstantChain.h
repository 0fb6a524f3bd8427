//===- ConstantChain.h - one step of a constant chain ------------*- C++ -*-===//
#ifndef FPTQ_LIB_SUPPORT_CONSTANTCHAIN_H
#define FPTQ_LIB_SUPPORT_CONSTANTCHAIN_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Operation.h"

namespace mlir::fptq {

/// What an op does to the constant below it.
enum class ChainStep {
  None,          ///< not a step: the chain ends without a constant
  Root,          ///< a constant or the load of an external global
  Reshape,       ///< expand_shape, collapse_shape: same elements in the same order
  Slice,         ///< extract_slice with static offsets, sizes, strides
  Permute,       ///< transposition or broadcast: result index -> operand index by a projected permutation
  Cast,          ///< extf, truncf, as op or as generic
  ScaleChannels, ///< fptq.scale_channels by a constant
  Dequantize     ///< fptq.dequantize of constants; the chain goes on at the codes
};

ChainStep classifyChainStep(Operation *op);

/// The constant below `op` in the chain; `op` is a step other than Root and None.
Value chainOperand(Operation *op);

/// For Permute: result dimensions to operand dimensions.
AffineMap chainPermutation(Operation *op);

} // namespace mlir::fptq

#endif // FPTQ_LIB_SUPPORT_CONSTANTCHAIN_H
