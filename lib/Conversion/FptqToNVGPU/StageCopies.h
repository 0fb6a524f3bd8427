//===- StageCopies.h - one stage of a tile to shared memory -----*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTONVGPU_STAGECOPIES_H
#define FPTQ_LIB_CONVERSION_FPTQTONVGPU_STAGECOPIES_H

#include "TileSums.h"

namespace mlir::fptq::nvptx {

/// The asynchronous copies of a stage: 128 output channels, `tokens` tokens, 128 input channels. What does not exist
/// (input channels beyond the last chunk, tokens beyond m) is copied as zeros; output channels beyond n are the last
/// panel once more, and nobody stores them.
class StageCopies {
public:
  static constexpr int64_t kChunks = TileShape::kDepth / kChunk, kPanels = TileShape::kRows / kPanelRows;

  /// `thread` of `threads` threads that share the copies; `shared` is where stages start.
  StageCopies(Emitter &e, const Format &format, const StageLayout &at, const MatmulArguments &args, Value shared,
              Value thread, int64_t threads);

  /// Packed words by cp.async.
  void weights(Value kTile, Value stage);
  /// Packed words by bulk copies, one a panel, that complete on `barrier`; for one thread.
  void weightsInBulk(Value kTile, Value stage, Value barrier);
  /// Codes in rows of 128 bytes whose 16-byte pieces are permuted (piece ^ row mod 8), so that ldmatrix meets no bank
  /// twice; it is the 128-byte swizzle of wgmma as well.
  void activations(Value kTile, Value stage);
  /// Scales or pairs {a, b}, zero points, and sums of codes.
  void tails(Value kTile, Value stage);

  Value tiles() { return e.ceilDiv(chunks, kChunks); }
  Value token0, panel0; ///< the block's first

private:
  void piece(Value to, Value from, Value exists, int64_t bytes);
  void forPieces(int64_t count, llvm::function_ref<void(Value)> copy);
  void rows(Value kTile, Value to, Value from, int64_t rowBytes);
  void sums(Value kTile, Value to);
  Value panelAddress(Value panel);

  Emitter &e;
  const Format &format;
  const StageLayout &at;
  const MatmulArguments &args;
  Value shared, thread;
  int64_t threads;
  Value chunks, columns, tail, zeros, storedGroups, panelBytes, lastPanel, lastToken;
};

/// The kernel that `Body` writes for tiles of 128 channels and as many stages as fit `chip`; `kind` is in its name.
template <typename Body, typename Shape>
Kernel stagedKernel(gpu::GPUModuleOp module, const Format &format, const Chip &chip, Shape shape, const Twine &kind) {
  shape = fitStages(shape, chip, [&](const Shape &s) { return Body::sharedBytes(format, s); });
  Kernel launch{{}, shape.threads(), Body::sharedBytes(format, shape), TileShape::kRows, shape.tokens};
  Emitter types(module.getLoc(), module.getContext());
  return getOrCreateKernel(module, format.name() + "_" + kind + Twine(shape.tokens),
                           MatmulArguments::types(types, format), launch,
                           Twine(TileShape::kRows) + "x" + Twine(shape.tokens) + "x" + Twine(TileShape::kDepth),
                           [&](Emitter &e, ValueRange arguments) { Body(e, format, shape, arguments).build(); });
}

} // namespace mlir::fptq::nvptx

#endif // FPTQ_LIB_CONVERSION_FPTQTONVGPU_STAGECOPIES_H
