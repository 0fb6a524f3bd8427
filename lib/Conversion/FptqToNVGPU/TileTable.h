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

  int64_t warps() const { return threads() / 32; }
  int64_t threads() const { return panels * 16 * tokens; } ///< one output each
};
SkinnyShape skinnyShape(int64_t tokens, int64_t resultDepth);

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
  static constexpr int64_t kConsumerRegisters = 216, kProducerRegisters = 72;
};
WgmmaShape wgmmaShape(int64_t tokens);

} // namespace mlir::fptq::nvptx

#endif // FPTQ_LIB_CONVERSION_FPTQTONVGPU_TILETABLE_H
