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
#include "TileSums.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

namespace {
class TileKernel {
public:
  TileKernel(Emitter &e, const Format &format, const TileShape &shape, ValueRange arguments);
  void build();
  static int64_t sharedBytes(const Format &format, const TileShape &shape);

private:
  void copyStage(Value kTile, Value stage);
  void copyPiece(Value to, Value from, Value exists, int64_t bytes);
  Values computeStage(Value kTile, Value stageOffset, ValueRange carried);
  SmallVector<Values> activationFragments(Value stage, Value chunk);
  void computeChunk(WarpSums &sums, Value kTile, Value stage, Value chunk, int64_t firstK);

  static constexpr int64_t kChunksOfTile = TileShape::kDepth / kChunk;

  Emitter &e;
  const Format &format;
  const TileShape &shape;
  StageLayout at;
  MatmulArguments args;
  Value thread, lane, rowWarp, tokenWarp, shared;
  Value chunks, columns, tail, zeros, storedGroups, panelBytes;
  Value token0, panel0, lastPanel;
};
} // namespace

TileKernel::TileKernel(Emitter &e, const Format &format, const TileShape &shape, ValueRange arguments)
    : e(e), format(format), shape(shape), at(format, shape.tokens), args(arguments), thread(e.thread()),
      shared(e.shared()) {
  lane = e.bitAnd(thread, 31);
  Value warp = e.shr(thread, 5);
  rowWarp = e.rem(warp, TileShape::kRowWarps);
  tokenWarp = e.div(warp, TileShape::kRowWarps);
  chunks = format.chunks(e, args.groups);
  columns = format.columns(e, args.groups);
  tail = format.tail(e, args.groups);
  zeros = format.zeros(e, args.groups);
  storedGroups = format.storedGroups(e, args.groups);
  panelBytes = format.panelBytes(e, args.groups);
  token0 = e.mul(e.blockY(), shape.tokens);
  panel0 = e.mul(e.blockX(), TileShape::kRows / kPanelRows);
  lastPanel = e.sub(e.ceilDiv(args.n, kPanelRows), e.num(1));
}

int64_t TileKernel::sharedBytes(const Format &format, const TileShape &shape) {
  return shape.stages * StageLayout(format, shape.tokens).bytes + (format.twoLevel ? 4 * shape.tokens : 0);
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// 16 (or 4) bytes, zeros where `exists` is false; the address is valid either way.
void TileKernel::copyPiece(Value to, Value from, Value exists, int64_t bytes) {
  Value size = e.select(exists, e.num(bytes), e.num(0));
  NVVM::CpAsyncOp::create(e, to, from, uint32_t(bytes),
                          bytes == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA, size);
}

/// Everything one stage needs; `stage` is its offset in shared memory. Ends with one group of copies for each thread,
/// be it empty, so that all threads count alike.
void TileKernel::copyStage(Value kTile, Value stage) {
  Value base = e.at(shared, stage);
  auto forPieces = [&](int64_t count, llvm::function_ref<void(Value)> copy) {
    for (int64_t first = 0; first < count; first += shape.threads()) {
      Value piece = e.add(thread, first);
      if (first + shape.threads() <= count)
        copy(piece);
      else
        e.ifThen(e.less(piece, e.num(count)), [&] { copy(piece); });
    }
  };
  auto panelAddress = [&](Value panel) {
    return e.atRow(args.packed, e.min(e.add(panel0, panel), lastPanel), panelBytes, 1);
  };
  Value lastChunk = e.sub(chunks, e.num(1)), lastToken = e.sub(args.m, e.num(1));

  constexpr int64_t lanes = kChunkBytes / 16;
  forPieces(at.activations / 16, [&](Value piece) {
    Value chunk = e.add(e.mul(kTile, kChunksOfTile), e.rem(e.div(piece, lanes), kChunksOfTile));
    Value from = e.at(panelAddress(e.div(piece, lanes * kChunksOfTile)), e.mul(e.min(chunk, lastChunk), kChunkBytes));
    copyPiece(e.at(base, e.mul(piece, 16)), e.at(from, e.mul(e.rem(piece, lanes), 16)), e.less(chunk, chunks), 16);
  });
  constexpr int64_t piecesOfRow = TileShape::kDepth / 16;
  forPieces(shape.tokens * piecesOfRow, [&](Value piece) {
    Value row = e.div(piece, piecesOfRow), part = e.rem(piece, piecesOfRow), token = e.add(token0, row);
    Value k = e.add(e.mul(kTile, TileShape::kDepth), e.mul(part, 16));
    Value exists = e.both(e.less(token, args.m), e.less(k, columns));
    Value from = e.at(e.atRow(args.q, e.min(token, lastToken), args.qStride, 1), e.min(k, e.sub(columns, e.num(16))));
    Value to = e.add(e.mul(row, TileShape::kDepth), e.mul(e.bitXor(part, e.bitAnd(row, 7)), 16));
    copyPiece(e.at(e.at(base, to), at.activations), from, exists, 16);
  });
  // Rows of scales (or of pairs, or of zero points): result by result, panel by panel.
  auto copyRows = [&](int64_t to, Value from, int64_t rowBytes) {
    int64_t pieces = rowBytes / 16, panels = TileShape::kRows / kPanelRows;
    forPieces(at.results * panels * pieces, [&](Value piece) {
      Value row = e.div(piece, pieces), result = e.add(e.mul(kTile, at.results), e.div(row, panels));
      Value group = e.div(result, format.resultsPerGroup()), exists = e.less(group, storedGroups);
      Value source =
          e.add(e.mul(e.min(group, e.sub(storedGroups, e.num(1))), rowBytes), e.mul(e.rem(piece, pieces), 16));
      copyPiece(e.at(e.at(base, e.mul(piece, 16)), to), e.at(panelAddress(e.rem(row, panels)), e.add(from, source)),
                exists, 16);
    });
  };
  copyRows(at.scales, tail, format.tailRowBytes());
  if (format.hasZeros())
    copyRows(at.zeros, zeros, kPanelRows);
  if (!format.twoLevel)
    forPieces(at.results * shape.tokens, [&](Value piece) {
      Value token = e.add(token0, e.rem(piece, shape.tokens));
      Value result = e.add(e.mul(kTile, at.results), e.div(piece, shape.tokens));
      Value group = e.div(result, format.resultsPerGroup());
      Value exists = e.both(e.less(token, args.m), e.less(group, args.groups));
      Value row = e.atRow(args.xSums, e.min(token, lastToken), args.sumsStride, 4);
      Value from = e.at(row, e.mul(e.min(group, e.sub(args.groups, e.num(1))), 4));
      copyPiece(e.at(e.at(base, e.mul(piece, 4)), at.sums), from, exists, 4);
    });
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
    Value from = e.add(e.mul(e.add(e.mul(panel, kChunksOfTile), chunk), kChunkBytes), e.mul(lane, kLaneBytes));
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
    for (int64_t chunk = 0; chunk < kChunksOfTile; ++chunk)
      computeChunk(sums, kTile, stage, e.num(chunk), chunk * kChunk);
    return sums.carried();
  }
  // A loop, not unrolled: results of two chunks at once would not fit the registers.
  return e.loop(e.num(0), e.num(kChunksOfTile), e.num(1), carried, [&](Value chunk, ValueRange now) {
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
  Value tiles = e.ceilDiv(chunks, kChunksOfTile), totals = e.at(shared, shape.stages * at.bytes);
  for (int64_t stage = 0; stage < shape.stages - 1; ++stage)
    copyStage(e.num(stage), e.num(stage * at.bytes)); // tiles beyond the last one are zeros nobody uses
  if (format.twoLevel)
    tokenTotals(e, args, token0, shape.tokens, shape.warps(), totals);

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
  WarpOutputs outputs{e.add(e.mul(panel0, kPanelRows), e.mul(rowWarp, WarpSums::kPanels * kPanelRows)),
                      e.add(token0, e.mul(tokenWarp, shape.warpTokens())),
                      e.at(totals, e.mul(e.mul(tokenWarp, shape.warpTokens()), 4))};
  storeSums(e, format, args, lane, ValueRange(last).drop_back(2), outputs);
}

Kernel mlir::fptq::nvptx::tileKernel(gpu::GPUModuleOp module, const Format &format, const TileShape &shape) {
  Kernel launch{{}, shape.threads(), TileKernel::sharedBytes(format, shape), TileShape::kRows, shape.tokens};
  Emitter types(module.getLoc(), module.getContext());
  return getOrCreateKernel(module, format.name() + "_tile" + Twine(shape.tokens), MatmulArguments::types(types), launch,
                           Twine(TileShape::kRows) + "x" + Twine(shape.tokens) + "x" + Twine(TileShape::kDepth),
                           [&](Emitter &e, ValueRange arguments) { TileKernel(e, format, shape, arguments).build(); });
}
