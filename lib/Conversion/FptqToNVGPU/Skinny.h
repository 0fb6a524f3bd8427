//===- Skinny.h - products of 1..16 tokens ----------------------*- C++ -*-===//
//
// Few tokens are a matter of memory bandwidth. The weights go from global memory straight to registers, a window ahead
// of their use, with no barrier between a load and the MMA that needs it. The warps of a block have the same output
// channels and different input channels (K is split inside the block). Integer sums are exact in any order; the float
// sum of the group scheme is not (A1), so the integers of a window go through shared memory, where one thread for each
// output folds them in the order of the groups.
//
// Split (SkinnySplit.cpp), the blocks of a tile take a slice of K each and leave integers in a workspace; the block
// that comes last adds them, or folds them in the order of the groups. A result does not depend on the number of
// slices.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTONVGPU_SKINNY_H
#define FPTQ_LIB_CONVERSION_FPTQTONVGPU_SKINNY_H

#include "KernelBuilder.h"

namespace mlir::fptq::nvptx {

class SkinnyKernel : ProductBody {
public:
  SkinnyKernel(Emitter &e, const Format &format, const SkinnyShape &shape, ValueRange arguments);
  void build();
  static int64_t sharedBytes(const Format &format, const SkinnyShape &shape);

private:
  /// What a warp (and for the fold, a thread) loads for one window.
  struct Window {
    Values weights, activations, pairs; ///< chunk by chunk
    Values scales, zeros, sums;         ///< this thread's share of what the fold needs
    Values flat() const;
  };

  // SkinnyWindow.cpp
  Window loadWindow(Value firstChunk);
  Window loadFirstWindow(bool withFoldShare);
  Window unflatten(ValueRange values, const Window &like);
  void loadWeights(Window &w, Value firstChunk);
  void loadActivations(Window &w, Value firstChunk);
  void loadFoldScales(Window &w, Value firstChunk);
  void loadFoldSums(Window &w, Value firstChunk);
  Values loadPairs(int64_t panel, Value chunk, Value valid);
  Values stepActivations(const Window &w, int64_t chunk, int64_t step, int64_t tokenTile);

  // SkinnyGroup.cpp
  using StoreResult = llvm::function_ref<void(ArrayRef<Values> sums, Value result)>;
  void buildGroup();
  void storeFoldShare(const Window &w);
  void integerResults(const Window &w, StoreResult store);
  std::pair<Value, Value> fold(Value firstChunk, Value f, Value sum, llvm::function_ref<Value(int64_t)> integer);

  // SkinnyTwoLevel.cpp
  void buildTwoLevel();
  SmallVector<Values> bytesProduct();
  void storeTwoLevel(Value sum);

  // SkinnySplit.cpp
  void takeSlice();
  void buildGroupSlice();
  void storePartials(ArrayRef<Values> sums, Value result);
  Values loadPartials(Value firstChunk);
  void foldPartials();
  Value sumOfSlices();
  Value partialsOf(Value row);
  Value comesLast();

  void storeResult(ArrayRef<Values> sums, Value result);
  Value groupOf(Value result);
  Value firstResult(Value firstChunk);

  int64_t tokenTiles() const { return shape.tokens / 8; }
  int64_t resultsPerWarp() const { return shape.chunks * kChunk / format.depth(); }
  int64_t results() const { return shape.warps() * resultsPerWarp(); }
  int64_t windowChunks() const { return shape.warps() * shape.chunks; }
  int64_t tailBytes() const { return shape.panels * format.tailRowBytes(); }
  // Shared memory of the group scheme: integer results (of a whole product), scales, zero points, sums of codes.
  int64_t scalesAt() const { return shape.split ? 0 : results() * shape.threads() * 4; }
  int64_t zerosAt() const { return scalesAt() + results() * tailBytes(); }
  int64_t sumsAt() const { return zerosAt() + (format.hasZeros() ? results() * shape.panels * kPanelRows : 0); }
  // Of the two-level scheme: the warps' sums, totals of tokens.
  int64_t totalsAt() const { return shape.warps() * shape.threads() * 4; }

  const SkinnyShape &shape;
  Value groups, chunks, columns, tail, zeros;
  Value begin, end; ///< this block's chunks
  Value stop;       ///< of the loop over them: `end`, or one round for a block that has none
  Value token0, panel0;
  Value token, channel; ///< of this thread's output, in the block
  Values panels;        ///< addresses
  Values rows;          ///< of activations: this lane's, one for each tile of 8 tokens
};
} // namespace mlir::fptq::nvptx

#endif // FPTQ_LIB_CONVERSION_FPTQTONVGPU_SKINNY_H
