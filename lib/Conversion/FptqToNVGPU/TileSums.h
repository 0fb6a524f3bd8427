//===- TileSums.h - the accumulators of one warp ----------------*- C++ -*-===//
//
// What mma.sync and wgmma tiles share: both leave a warp 16-channel rows in the same fragments.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTONVGPU_TILESUMS_H
#define FPTQ_LIB_CONVERSION_FPTQTONVGPU_TILESUMS_H

#include "KernelBuilder.h"

namespace mlir::fptq::nvptx {

/// Offsets in one stage of shared memory: weights (from 0) of 128 channels, activations, scales (or pairs {a, b}), zero
/// points, sums of codes.
struct StageLayout {
  StageLayout(const Format &format, int64_t tokens);
  int64_t tokens;
  int64_t results; ///< of one stage
  int64_t activations, scales, zeros, sums, bytes;
};

/// Integer sums of `panels` x `tokenTiles` fragments, and in the group scheme the float sums they are folded into.
class WarpSums {
public:
  static constexpr int64_t kPanels = 2; ///< of 16 channels, one warp's

  /// `stage` addresses the stage, `firstPanel` and `firstToken` are the warp's in it; `carried` from before.
  WarpSums(Emitter &e, const Format &format, const StageLayout &at, Value stage, Value lane, Value firstPanel,
           Value firstToken, int64_t tokenTiles, ValueRange carried, int64_t panels = kPanels);
  /// What a loop over stages carries at first.
  static Values start(Emitter &e, const Format &format, int64_t tokenTiles, int64_t panels = kPanels);
  Values carried() const;

  /// Before the first and after the last step of a result of this stage; `number` counts all results.
  void begin(Value result);
  void end(Value result, Value number);
  /// The A fragment of a step: codes, or bytes in the two-level scheme.
  Values weights(ValueRange words, int64_t step, int64_t panel);
  Values &integers(int64_t panel, int64_t tokenTile) { return ints[panel * tokenTiles + tokenTile]; }

private:
  Value scaleRow(Value result, int64_t panel, int64_t half);
  Value zeroPoint(Value result, int64_t panel, int64_t half);
  std::pair<Value, Value> codeSums(Value result, int64_t tokenTile);
  void fold(Value result, bool seeded);
  static bool seeds(const Format &format) { return !format.twoLevel && format.resultsPerGroup() == 1; }

  Emitter &e;
  const Format &format;
  const StageLayout &at;
  Value stage, lane, firstPanel, firstToken;
  int64_t panels, tokenTiles;
  SmallVector<Values> ints, floats;
  SmallVector<std::pair<Values, Values>> pairs; ///< a and b of a panel's two rows
};

/// Where a warp's results go: its first channel and token in the product, and its tokens' totals (two-level).
struct WarpOutputs {
  Value channel, token, totals;
};
/// (A3) for what `WarpSums::carried` gave after the last stage.
void storeSums(Emitter &e, const Format &format, const MatmulArguments &args, Value lane, ValueRange carried,
               const WarpOutputs &to, int64_t panels = WarpSums::kPanels);

} // namespace mlir::fptq::nvptx

#endif // FPTQ_LIB_CONVERSION_FPTQTONVGPU_TILESUMS_H
