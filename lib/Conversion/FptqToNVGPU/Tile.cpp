//===- Tile.cpp - products of many tokens, mma.sync -----------------------===//
//
// A block computes 128 output channels x `tokens`, in stages of 128 input channels that cp.async brings to shared
// memory several stages ahead. Weights stay packed there; a lane's four words are one 16-byte load and become two A
// fragments in registers. Activations lie in rows of 128 bytes whose 16-byte pieces are permuted (piece ^ row mod 8),
// so that ldmatrix meets no bank twice.
//
// What does not exist (input channels beyond the last chunk, tokens beyond m) is copied as zeros; output channels
// beyond n are the last panel once more, and nobody stores them.
//
//===----------------------------------------------------------------------===//
#include "StageCopies.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

namespace {
class TileKernel : ProductBody {
public:
  TileKernel(Emitter &e, const Format &format, const TileShape &shape, ValueRange arguments);
  void build();
  static int64_t sharedBytes(const Format &format, const TileShape &shape);

private:
  void copyStage(Value kTile, Value stage);
  Values computeStage(Value kTile, Value stageOffset, ValueRange carried);
  void computeChunk(WarpSums &sums, Value kTile, Value stage, Value chunk, int64_t firstK);
  SmallVector<Values> activationFragments(Value stage, Value chunk);

  const TileShape &shape;
  StageLayout at;
  Value rowWarp, tokenWarp;
  StageCopies copies;
};
} // namespace

TileKernel::TileKernel(Emitter &e, const Format &format, const TileShape &shape, ValueRange arguments)
    : ProductBody(e, format, arguments), shape(shape), at(format, shape.tokens),
      rowWarp(e.rem(warp, TileShape::kRowWarps)), tokenWarp(e.div(warp, TileShape::kRowWarps)),
      copies(e, format, at, args, shared, thread, shape.threads()) {}

int64_t TileKernel::sharedBytes(const Format &format, const TileShape &shape) {
  return shape.stages * StageLayout(format, shape.tokens).bytes + (format.twoLevel ? 4 * shape.tokens : 0);
}

/// Ends with one group of copies for each thread, be it empty, so that all threads count alike.
void TileKernel::copyStage(Value kTile, Value stage) {
  copies.weights(kTile, stage);
  copies.activations(kTile, stage);
  copies.tails(kTile, stage);
  NVVM::CpAsyncCommitGroupOp::create(e);
}

//===----------------------------------------------------------------------===//
// MMAs
//===----------------------------------------------------------------------===//

/// B fragments of both steps of a chunk, for each tile of 8 tokens: one ldmatrix of four 8 x 16-byte matrices.
SmallVector<Values> TileKernel::activationFragments(Value stage, Value chunk) {
  auto type = LLVM::LLVMStructType::getLiteral(e.getContext(), SmallVector<Type>(4, e.i32()));
  auto matrix = NVVM::LdStMatrixShapeAttr::get(e.getContext(), 8, 8);
  Value row = e.add(e.mul(tokenWarp, shape.warpTokens()), e.bitAnd(lane, 7));
  Value part = e.bitXor(e.add(e.shr(lane, 3), e.mul(chunk, 4)), e.bitAnd(lane, 7));
  Value base = e.at(e.at(stage, e.add(e.mul(row, TileShape::kDepth), e.mul(part, 16))), at.activations);
  SmallVector<Values> fragments;
  for (int64_t t = 0; t < shape.warpTokens() / 8; ++t) {
    Value words = NVVM::LdMatrixOp::create(e, type, e.at(base, t * 8 * TileShape::kDepth), 4u, NVVM::MMALayout::row,
                                           matrix, NVVM::LdStMatrixEltType::B16);
    Values fragment;
    for (int64_t i = 0; i < 4; ++i)
      fragment.push_back(LLVM::ExtractValueOp::create(e, words, i));
    fragments.push_back(fragment);
  }
  return fragments;
}

/// The MMAs of one chunk; begins and ends the results that do so in it.
void TileKernel::computeChunk(WarpSums &sums, Value kTile, Value stage, Value chunk, int64_t firstK) {
  SmallVector<Values> activations = activationFragments(stage, chunk), words;
  for (int64_t p = 0; p < WarpSums::kPanels; ++p) {
    Value panel = e.add(e.mul(rowWarp, WarpSums::kPanels), p);
    Value from = e.add(e.mul(e.add(e.mul(panel, StageCopies::kChunks), chunk), kChunkBytes), e.mul(lane, kLaneBytes));
    words.push_back(e.words(e.load(e.vec(4, e.i32()), e.at(stage, from), kLaneBytes)));
  }
  for (int64_t step = 0; step < 2; ++step) {
    int64_t k = firstK + step * kStep;
    Value result = format.depth() < kChunk ? e.add(e.mul(chunk, 2), step) : format.depth() == kChunk ? chunk : e.num(0);
    if (k % format.depth() == 0)
      sums.begin(result);
    for (int64_t p = 0; p < WarpSums::kPanels; ++p) {
      Values a = sums.weights(words[p], step, p);
      for (auto [t, b] : llvm::enumerate(activations))
        sums.integers(p, t) = mma(e, a, {b[2 * step], b[2 * step + 1]}, sums.integers(p, t));
    }
    if ((k + kStep) % format.depth() == 0)
      sums.end(result, e.add(e.mul(kTile, at.results), result));
  }
}

Values TileKernel::computeStage(Value kTile, Value stageOffset, ValueRange carried) {
  Value stage = e.at(shared, stageOffset);
  auto sumsOf = [&](ValueRange values) {
    return WarpSums(e, format, at, stage, lane, e.mul(rowWarp, WarpSums::kPanels), e.mul(tokenWarp, shape.warpTokens()),
                    shape.warpTokens() / 8, values);
  };
  if (format.depth() > kChunk) {
    WarpSums sums = sumsOf(carried);
    for (int64_t chunk = 0; chunk < StageCopies::kChunks; ++chunk)
      computeChunk(sums, kTile, stage, e.num(chunk), chunk * kChunk);
    return sums.carried();
  }
  // A loop, not unrolled: results of two chunks at once would not fit the registers.
  return e.loop(e.num(0), e.num(StageCopies::kChunks), e.num(1), carried, [&](Value chunk, ValueRange now) {
    WarpSums sums = sumsOf(now);
    computeChunk(sums, kTile, stage, chunk, 0);
    return sums.carried();
  });
}

void TileKernel::build() {
  Value stageBytes = e.num(at.bytes), allBytes = e.num(shape.stages * at.bytes);
  auto next = [&](Value stage) {
    Value after = e.add(stage, stageBytes);
    return e.select(e.equal(after, allBytes), e.num(0), after);
  };
  Value tiles = copies.tiles(), totals = e.at(shared, shape.stages * at.bytes);
  for (int64_t stage = 0; stage < shape.stages - 1; ++stage)
    copyStage(e.num(stage), e.num(stage * at.bytes)); // tiles beyond the last one are zeros nobody uses
  if (format.twoLevel)
    tokenTotals(e, args, copies.token0, shape.tokens, shape.warps(), totals);

  Values carried = WarpSums::start(e, format, shape.warpTokens() / 8);
  carried.append({e.num(0), e.num((shape.stages - 1) * at.bytes)});
  Values last = e.loop(e.num(0), tiles, e.num(1), carried, [&](Value tile, ValueRange now) {
    Value reading = now[now.size() - 2], writing = now.back();
    NVVM::CpAsyncWaitGroupOp::create(e, uint32_t(shape.stages - 2));
    e.barrier(); // the stage is there for all, and the one written next was read by all
    copyStage(e.add(tile, shape.stages - 1), writing);
    Values sums = computeStage(tile, reading, now.drop_back(2));
    sums.append({next(reading), next(writing)});
    return sums;
  });
  if (format.twoLevel)
    e.barrier(); // a product of one stage has no barrier between the totals and their use
  WarpOutputs outputs{e.add(e.mul(copies.panel0, kPanelRows), e.mul(rowWarp, WarpSums::kPanels * kPanelRows)),
                      e.add(copies.token0, e.mul(tokenWarp, shape.warpTokens())),
                      e.at(totals, e.mul(e.mul(tokenWarp, shape.warpTokens()), 4))};
  storeSums(e, format, args, lane, ValueRange(last).drop_back(2), outputs);
}

Kernel mlir::fptq::nvptx::tileKernel(gpu::GPUModuleOp module, const Format &format, const Chip &chip, int64_t tokens) {
  Kernel kernel = stagedKernel<TileKernel>(module, format, chip, tileShape(tokens), "tile");
  // Of 128 threads ptxas wants four blocks an SM, which shared memory has no room for, and spills for them on sm_120.
  kernel.function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), Builder(module.getContext()).getI32IntegerAttr(1));
  return kernel;
}
