//===- TileTable.h - shapes of the NVPTX kernels ----------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTONVGPU_TILETABLE_H
#define FPTQ_LIB_CONVERSION_FPTQTONVGPU_TILETABLE_H

#include "fptq/Conversion/FptqToNVGPU/Chip.h"
#include <cstdint>

namespace mlir::fptq::nvptx {

/// Few tokens: the warps of a block share its output channels and split K.
struct SkinnyShape {
  int64_t tokens; ///< 8 or 16
  int64_t panels; ///< of 16 output channels, in one block
  int64_t chunks; ///< of 64 input channels a warp takes before the block folds
  bool split;     ///< K is split over blocks as well
  int64_t warps() const { return threads() / 32; }
  int64_t threads() const { return panels * 16 * tokens; } ///< one output each
  int64_t windowChannels() const { return warps() * chunks * 64; }
};
SkinnyShape skinnyShape(int64_t tokens, int64_t resultDepth, bool split = false);

/// Many tokens: a block of 128 output channels, copied in stages of 128 input channels. A warp has 32 channels.
struct TileShape {
  int64_t tokens;     ///< 32, 64 or 128
  int64_t tokenWarps; ///< warps side by side along the tokens
  int64_t stages;

  static constexpr int64_t kRows = 128, kDepth = 128, kRowWarps = 4;
  int64_t warps() const { return kRowWarps * tokenWarps; }
  int64_t threads() const { return 32 * warps(); }
  int64_t warpTokens() const { return tokens / tokenWarps; }
};
TileShape tileShape(int64_t tokens);

/// The same on sm_90a: a warpgroup that copies, two that compute 64 channels each.
struct WgmmaShape {
  int64_t tokens; ///< 32, 64 or 128
  int64_t stages;

  static constexpr int64_t kConsumers = 256, kProducers = 128; ///< threads
  static constexpr int64_t threads() { return kConsumers + kProducers; }
  static constexpr int64_t kConsumerRegisters = 216, kProducerRegisters = 72;
};
WgmmaShape wgmmaShape(int64_t tokens);

/// `shape` with as many of its stages as a block of `chip` has memory for, two at least: whether those fit is
/// checkShared's question.
template <typename Shape, typename Bytes> Shape fitStages(Shape shape, const Chip &chip, Bytes sharedBytes) {
  while (shape.stages > 2 && sharedBytes(shape) > chip.sharedBytes)
    --shape.stages;
  return shape;
}

} // namespace mlir::fptq::nvptx

#endif // FPTQ_LIB_CONVERSION_FPTQTONVGPU_TILETABLE_H
