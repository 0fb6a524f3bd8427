//===- StageCopies.cpp - one stage of a tile to shared memory -------------===//
#include "StageCopies.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

StageCopies::StageCopies(Emitter &e, const Format &format, const StageLayout &at, const MatmulArguments &args,
                         Value shared, Value thread, int64_t threads)
    : e(e), format(format), at(at), args(args), shared(shared), thread(thread), threads(threads) {
  chunks = format.chunks(e, args.groups);
  columns = format.columns(e, args.groups);
  tail = format.tail(e, args.groups);
  zeros = format.zeros(e, args.groups);
  storedGroups = format.storedGroups(e, args.groups);
  panelBytes = format.panelBytes(e, args.groups);
  token0 = e.mul(e.blockY(), at.tokens);
  panel0 = e.mul(e.blockX(), kPanels);
  lastPanel = e.sub(e.ceilDiv(args.n, kPanelRows), e.num(1));
  lastToken = e.sub(args.m, e.num(1));
}

/// 16 or 4 bytes, zeros where `exists` is false; the address is valid either way.
void StageCopies::piece(Value to, Value from, Value exists, int64_t bytes) {
  auto cache = bytes == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(e, to, from, uint32_t(bytes), cache, e.select(exists, e.num(bytes), e.num(0)));
}

void StageCopies::forPieces(int64_t count, llvm::function_ref<void(Value)> copy) {
  for (int64_t first = 0; first < count; first += threads) {
    Value number = e.add(thread, first);
    if (first + threads <= count)
      copy(number);
    else
      e.ifThen(e.less(number, e.num(count)), [&] { copy(number); });
  }
}

Value StageCopies::panelAddress(Value panel) {
  return e.atRow(args.packed, e.min(e.add(panel0, panel), lastPanel), panelBytes, 1);
}

void StageCopies::weights(Value kTile, Value stage) {
  constexpr int64_t lanes = kChunkBytes / kLaneBytes;
  Value base = e.at(shared, stage), lastChunk = e.sub(chunks, e.num(1));
  forPieces(at.activations / kLaneBytes, [&](Value number) {
    Value chunk = e.add(e.mul(kTile, kChunks), e.rem(e.div(number, lanes), kChunks));
    Value from = e.at(panelAddress(e.div(number, lanes * kChunks)), e.mul(e.min(chunk, lastChunk), kChunkBytes));
    piece(e.at(base, e.mul(number, kLaneBytes)), e.at(from, e.mul(e.rem(number, lanes), kLaneBytes)),
          e.less(chunk, chunks), kLaneBytes);
  });
}

void StageCopies::weightsInBulk(Value kTile, Value stage, Value barrier) {
  Value first = e.mul(kTile, kChunks), count = e.min(e.sub(chunks, first), e.num(kChunks));
  Value bytes = e.mul(count, kChunkBytes), base = e.at(shared, stage);
  NVVM::MBarrierArriveExpectTxOp::create(e, Type(), barrier, e.mul(bytes, kPanels), NVVM::MemScopeKind::CTA,
                                         /*relaxed=*/false, /*predicate=*/Value());
  // What a half-empty last tile leaves of an older stage meets activations that are zero.
  for (int64_t p = 0; p < kPanels; ++p) {
    // Into the block's share of its cluster's memory: the form for one block alone needs PTX 8.6.
    Value to = LLVM::AddrSpaceCastOp::create(e, e.ptr(kSharedCluster), e.at(base, p * kChunks * kChunkBytes));
    NVVM::CpAsyncBulkGlobalToSharedClusterOp::create(e, to, e.at(panelAddress(e.num(p)), e.mul(first, kChunkBytes)),
                                                     barrier, bytes, /*multicastMask=*/Value(),
                                                     /*l2CacheHint=*/Value());
  }
}

void StageCopies::activations(Value kTile, Value stage) {
  constexpr int64_t pieces = TileShape::kDepth / 16;
  Value base = e.at(e.at(shared, stage), at.activations);
  forPieces(at.tokens * pieces, [&](Value number) {
    Value row = e.div(number, pieces), part = e.rem(number, pieces), token = e.add(token0, row);
    Value k = e.add(e.mul(kTile, TileShape::kDepth), e.mul(part, 16));
    Value exists = e.both(e.less(token, args.m), e.less(k, columns));
    Value from = e.at(e.atRow(args.q, e.min(token, lastToken), args.qStride, 1), e.min(k, e.sub(columns, e.num(16))));
    Value to = e.add(e.mul(row, TileShape::kDepth), e.mul(e.bitXor(part, e.bitAnd(row, 7)), 16));
    piece(e.at(base, to), from, exists, 16);
  });
}

/// Rows of 16 scales, pairs or zero points: result by result, panel by panel.
void StageCopies::rows(Value kTile, Value to, Value from, int64_t rowBytes) {
  int64_t pieces = rowBytes / 16;
  Value lastGroup = e.sub(storedGroups, e.num(1));
  forPieces(at.results * kPanels * pieces, [&](Value number) {
    Value row = e.div(number, pieces), result = e.add(e.mul(kTile, at.results), e.div(row, kPanels));
    Value group = e.div(result, format.resultsPerGroup());
    Value source = e.add(e.mul(e.min(group, lastGroup), rowBytes), e.mul(e.rem(number, pieces), 16));
    piece(e.at(to, e.mul(number, 16)), e.at(panelAddress(e.rem(row, kPanels)), e.add(from, source)),
          e.less(group, storedGroups), 16);
  });
}

void StageCopies::sums(Value kTile, Value to) {
  Value lastGroup = e.sub(args.groups, e.num(1));
  forPieces(at.results * at.tokens, [&](Value number) {
    Value token = e.add(token0, e.rem(number, at.tokens));
    Value result = e.add(e.mul(kTile, at.results), e.div(number, at.tokens));
    Value group = e.div(result, format.resultsPerGroup());
    Value row = e.atRow(args.xSums, e.min(token, lastToken), args.sumsStride, 4);
    piece(e.at(to, e.mul(number, 4)), e.at(row, e.mul(e.min(group, lastGroup), 4)),
          e.both(e.less(token, args.m), e.less(group, args.groups)), 4);
  });
}

void StageCopies::tails(Value kTile, Value stage) {
  Value base = e.at(shared, stage);
  rows(kTile, e.at(base, at.scales), tail, format.tailRowBytes());
  if (format.hasZeros())
    rows(kTile, e.at(base, at.zeros), zeros, kPanelRows);
  if (!format.twoLevel)
    sums(kTile, e.at(base, at.sums));
}
