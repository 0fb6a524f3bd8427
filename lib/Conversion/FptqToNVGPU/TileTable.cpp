//===- TileTable.cpp - shapes of the NVPTX kernels, with reasons ----------===//
#include "TileTable.h"
#include "fptq/Conversion/FptqToNVGPU/Kernels.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

SkinnyShape mlir::fptq::nvptx::skinnyShape(int64_t tokens, int64_t resultDepth) {
  // Two panels share an activation fragment, which halves its traffic from L2: with one, 16 tokens read twice as many
  // bytes of activations as of weights. Warps of 8 tokens keep 4 chunks x 2 panels x 16 bytes a lane in flight, 32 KiB
  // a block. The block's integer sums go through shared memory: warps * chunks * 64 / depth results of 4 bytes for each
  // output. The chunks are as many as keep that within 32 KiB (8 tokens) and 64 KiB (16 tokens), where two blocks fit
  // an SM.
  bool short_ = resultDepth == 32;
  return tokens == 8 ? SkinnyShape{8, 2, short_ ? 2 : 4} : SkinnyShape{16, 2, short_ ? 1 : 2};
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
