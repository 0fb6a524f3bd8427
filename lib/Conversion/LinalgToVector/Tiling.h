//===- Tiling.h - what the tiling passes share -------------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_LINALGTOVECTOR_TILING_H
#define FPTQ_LIB_CONVERSION_LINALGTOVECTOR_TILING_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace mlir::fptq {

/// Discardable attributes that carry decisions from one pass to the next; they survive tiling,
/// cloning and canonicalization.
inline constexpr StringLiteral kVectorSizesAttr = "fptq.vector_sizes"; ///< one bound a loop, sizes of masks
inline constexpr StringLiteral kReductionAttr = "fptq.reduction";      ///< loop r (dot form) or -1-r (outer form)
inline constexpr StringLiteral kUpperBoundAttr = "fptq.upper_bound";   ///< largest value of a size

/// Columns of a vector where a tile is no wider: a register of AVX-512, two of AVX2.
inline constexpr int64_t kVectorColumns = 16;

/// Tiles `op` (0: whole) and fuses only the fill of its accumulator, if `fuseFill`. Fused into a
/// *reduction* loop it would clear the accumulator in each step. Returns the tiled op, or `op`
/// itself where nothing was to be tiled.
linalg::LinalgOp tileOp(IRRewriter &rewriter, linalg::LinalgOp op, ArrayRef<int64_t> tileSizes, bool parallel,
                        SmallVectorImpl<LoopLikeOpInterface> &loops, bool fuseFill = true);

/// Whether each index of each operand is a sum of loops with positive factors. Upstream's tiling takes what the first
/// and the last iteration of a tile read for the ends of a slice: wrong where an operand is read backwards or by a
/// `mod`. And it counts from the slice's beginning, which a `floordiv` does not forgive.
bool readsForwards(linalg::LinalgOp op);

/// False for a result that no tile can be computed of alone, such as a sum that keeps its dimension as a constant 0,
/// where upstream's fusion reports an error and goes on without, or one whose operands are not read forwards.
bool canBeTiledByResult(OpResult result);

/// Notes the vector sizes of `op`: the tile size, else the static extent, else `otherwise`.
void noteVectorSizes(Operation *op, ArrayRef<int64_t> tileSizes, ArrayRef<int64_t> extents, int64_t otherwise);

/// Splits off the last, partial iteration of each scf.for, so that main tiles are static.
void peelLoops(IRRewriter &rewriter, ArrayRef<LoopLikeOpInterface> loops);

/// Drops unit dimensions while the vector sizes, one a loop, are still known; `sizes` follow. Replaces `op`; failure
/// where nothing generic is left of it.
FailureOr<linalg::GenericOp> dropUnitLoops(IRRewriter &rewriter, linalg::GenericOp op, SmallVectorImpl<int64_t> &sizes);

/// Index attributes of `values`.
SmallVector<OpFoldResult> indexAttrs(MLIRContext *context, ArrayRef<int64_t> values);

/// Steps of a loop nest, an extent that is not known taken for `unknown`; the most that can be counted where they are
/// more.
int64_t workOf(ArrayRef<int64_t> extents, int64_t unknown);

/// The loop that `operand` runs along in memory (its last dimension), or -1.
int lastLoop(linalg::LinalgOp op, OpOperand &operand);

} // namespace mlir::fptq

#endif // FPTQ_LIB_CONVERSION_LINALGTOVECTOR_TILING_H
