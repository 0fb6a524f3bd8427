//===- TileTable.cpp - shapes of the NVPTX kernels, with reasons ----------===//
#include "KernelBuilder.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

SkinnyShape mlir::fptq::nvptx::skinnyShape(int64_t tokens, int64_t resultDepth, bool split) {
  // Two panels share an activation fragment, which halves its traffic from L2: with one, 16 tokens read twice as many
  // bytes of activations as of weights. Warps of 8 tokens keep 4 chunks x 2 panels x 16 bytes a lane in flight, 32 KiB
  // a block. The block's integer sums go through shared memory: warps * chunks * 64 / depth results of 4 bytes for each
  // output. The chunks are as many as keep that within 32 KiB (8 tokens) and 64 KiB (16 tokens), where two blocks fit
  // an SM.
  bool short_ = resultDepth == 32;
  return tokens == 8 ? SkinnyShape{8, 2, short_ ? 2 : 4, split} : SkinnyShape{16, 2, short_ ? 1 : 2, split};
}

int64_t mlir::fptq::nvptx::slicesFor(const Chip &chip, const WeightFormat &weight, int64_t tokens, int64_t n,
                                     int64_t k) {
  // What counts is trips to memory, about 0.7 us each, not bytes: with two windows of 32 KiB under way in each block,
  // 35 blocks draw 3 TB/s. A block alone with its channels takes a trip for every two windows of K. The end of a split
  // product costs two trips (fence and counter; reading what the others left), and in the group scheme a quarter of one
  // for each window, which the last block folds by itself. More blocks than SMs would take turns.
  if (tokens > 16)
    return 1;
  Format format(weight);
  SkinnyShape shape = skinnyShape(tokens, format.depth());
  int64_t tiles = llvm::divideCeil(n, shape.panels * kPanelRows), windows = llvm::divideCeil(k, shape.windowChannels());
  auto quarterTrips = [&](int64_t slices) {
    int64_t alone = 4 * llvm::divideCeil(llvm::divideCeil(windows, slices), 2);
    return slices == 1 ? alone : alone + 8 + (weight.twoLevel ? 0 : windows);
  };
  int64_t best = 1, most = std::min(kMaxSlices, chip.multiprocessors / std::max<int64_t>(tiles, 1));
  for (int64_t slices = 2; slices <= most; ++slices)
    if (quarterTrips(slices) < quarterTrips(best))
      best = slices;
  return best;
}

TileShape mlir::fptq::nvptx::tileShape(int64_t tokens) {
  // Float group scales double the accumulators (an integer and a float sum for each output), so a warp has at most
  // 32 x 64 outputs: 128 registers of sums. Three stages of 128 x 128 take 75 KiB, which fits the 99 KiB of sm_86 and
  // sm_89.
  return tokens == 128 ? TileShape{128, 2, 3} : TileShape{tokens, 1, tokens == 64 ? 3 : 4};
}

WgmmaShape mlir::fptq::nvptx::wgmmaShape(int64_t tokens) {
  // Four stages of at most 28 KiB; more would not fit for groups of 32, whose scales take as much as an eighth of a
  // stage. Registers: 256 * 216 + 128 * 72 = 64512 of an SM's 65536; a consumer of 128 tokens holds 128 sums and 16
  // words of A.
  return {tokens, 4};
}

ArrayRef<int64_t> mlir::fptq::nvptx::tokensOfTiles(const Chip &chip) {
  static constexpr int64_t kTokens[] = {8, 16, 32, 64, 128};
  return kTokens;
}
