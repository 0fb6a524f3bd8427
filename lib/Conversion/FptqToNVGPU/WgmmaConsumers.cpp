//===- WgmmaConsumers.cpp - products and their fold, sm_90a ---------------===//
#include "Wgmma.h"
#include "fptq/Conversion/FptqToNVGPU/FptqGpu.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

/// The A fragments of `count` steps, from step `first` of `chunk` on.
Values WgmmaKernel::unpack(WarpSums &sums, Value stage, Value chunk, int64_t first, int64_t count) {
  Values a, words;
  for (int64_t step = first; step < first + count; ++step) {
    if (words.empty() || step % 2 == 0) {
      Value from = e.add(e.mul(warp, StageCopies::kChunks), e.add(chunk, step / 2));
      from = e.at(stage, e.add(e.mul(from, kChunkBytes), e.mul(lane, kLaneBytes)));
      words = e.words(e.load(e.vec(4, e.i32()), from, kLaneBytes));
    }
    a.append(sums.weights(words, step % 2, 0));
  }
  return a;
}

/// Starts a product of `a` and the activations at `b`; afterwards `sums` are under way.
void WgmmaKernel::start(WarpSums &sums, ValueRange a, Value b) {
  inPlace(sums, [&](ValueRange acc) {
    return WgmmaOp::create(e, SmallVector<Type>(acc.size(), e.i32()), a, b, acc).getResults();
  });
}

void WgmmaKernel::finish(WarpSums &sums) {
  inPlace(sums, [&](ValueRange acc) {
    return WgmmaWaitOp::create(e, SmallVector<Type>(acc.size(), e.i32()), /*pending=*/0, acc).getResults();
  });
}

void WgmmaKernel::inPlace(WarpSums &sums, llvm::function_ref<ValueRange(ValueRange)> change) {
  Values acc;
  for (int64_t t = 0; t < shape.tokens / 8; ++t)
    acc.append(sums.integers(0, t));
  ValueRange after = change(acc);
  for (int64_t t = 0; t < shape.tokens / 8; ++t)
    sums.integers(0, t) = Values(after.slice(4 * t, 4));
}

/// One result's steps, from step `firstStep` of `chunk` on. In the two-level scheme, whose unpacking takes longest, a
/// product for each chunk: the second is unpacked while the first is under way.
void WgmmaKernel::computeResult(WarpSums &sums, Value kTile, Value stage, Value chunk, Value result, int64_t firstStep,
                                int64_t steps) {
  Value b = e.at(e.at(stage, e.mul(chunk, kChunk)), at.activations + firstStep * kStep);
  int64_t part = format.twoLevel ? std::min<int64_t>(steps, 2) : steps;
  sums.begin(result);
  for (int64_t s = 0; s < steps; s += part)
    start(sums, unpack(sums, stage, chunk, firstStep + s, part), e.at(b, s * kStep));
  finish(sums);
  sums.end(result, e.add(e.mul(kTile, at.results), result));
}

Values WgmmaKernel::computeStage(Value kTile, Value stage, ValueRange carried) {
  auto sumsOf = [&](ValueRange values) {
    return WarpSums(e, format, at, stage, lane, warp, e.num(0), shape.tokens / 8, values, /*panels=*/1);
  };
  if (format.depth() > kChunk) {
    WarpSums sums = sumsOf(carried);
    computeResult(sums, kTile, stage, e.num(0), e.num(0), 0, TileShape::kDepth / kStep);
    return sums.carried();
  }
  return e.loop(e.num(0), e.num(StageCopies::kChunks), e.num(1), carried, [&](Value chunk, ValueRange now) {
    WarpSums sums = sumsOf(now);
    int64_t results = kChunk / format.depth(), steps = format.depth() / kStep;
    for (int64_t r = 0; r < results; ++r)
      computeResult(sums, kTile, stage, chunk, e.add(e.mul(chunk, results), r), r * steps, steps);
    return sums.carried();
  });
}

void WgmmaKernel::consume() {
  constexpr int64_t warps = WgmmaShape::kConsumers / 32;
  Value totals = e.at(shared, totalsAt());
  if (format.twoLevel) {
    tokenTotals(e, args, copies.token0, shape.tokens, warps, totals);
    NVVM::BarrierOp::create(e, Type(), e.num(1), e.num(WgmmaShape::kConsumers), NVVM::BarrierReductionAttr(), Value());
  }
  Values carried = WarpSums::start(e, format, shape.tokens / 8, /*panels=*/1);
  carried.append({e.num(0), e.num(0)});
  Values last = e.loop(e.num(0), copies.tiles(), e.num(1), carried, [&](Value tile, ValueRange now) {
    Place place{now[now.size() - 2], now.back()};
    wait(full(place.stage), place.phase);
    Values sums = computeStage(tile, e.at(shared, offset(place.stage)), now.drop_back(2));
    arriveAsWarp(empty(place.stage));
    Place after = next(place);
    sums.append({after.stage, after.phase});
    return sums;
  });
  WarpOutputs outputs{e.mul(e.add(copies.panel0, warp), kPanelRows), copies.token0, totals};
  storeSums(e, format, args, lane, ValueRange(last).drop_back(2), outputs, /*panels=*/1);
}
