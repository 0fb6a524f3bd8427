//===- SkinnyTwoLevel.cpp - integer scales of groups, few tokens ----------===//
#include "Skinny.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

/// The warp's integer sums over this block's chunks, a fragment for each panel and tile of tokens.
SmallVector<Values> SkinnyKernel::bytesProduct() {
  int64_t sumCount = shape.panels * tokenTiles();
  Window first = loadFirstWindow(/*withFoldShare=*/false);
  tokenTotals(e, args, token0, shape.tokens, shape.warps(), e.at(shared, totalsAt()));
  Values carried = first.flat();
  carried.append(4 * sumCount, e.num(0));
  Values last = e.loop(begin, stop, e.num(windowChunks()), carried, [&](Value chunk, ValueRange now) {
    Window w = unflatten(now, first);
    Values next = loadWindow(e.add(chunk, windowChunks())).flat();
    Values sums(now.take_back(4 * sumCount));
    int64_t pairsPerChunk = w.pairs.size() / (shape.chunks * shape.panels);
    for (int64_t i = 0; i < shape.chunks; ++i)
      for (int64_t step = 0; step < 2; ++step)
        for (int64_t p = 0; p < shape.panels; ++p) {
          int64_t pair = (i * shape.panels + p) * pairsPerChunk + (pairsPerChunk == 4 ? 2 * step : 0);
          auto [a0, b0] = multiplierAndOffset(e, w.pairs[pair]);
          auto [a1, b1] = multiplierAndOffset(e, w.pairs[pair + 1]);
          Values bytes = bytesOfStep(e, e.words(w.weights[i * shape.panels + p]), step, {a0, a1}, {b0, b1});
          for (int64_t t = 0; t < tokenTiles(); ++t) {
            auto sum = MutableArrayRef<Value>(sums).slice(4 * (p * tokenTiles() + t), 4);
            llvm::copy(mma(e, bytes, stepActivations(w, i, step, t), ValueRange(sum)), sum.begin());
          }
        }
    next.append(sums);
    return next;
  });
  SmallVector<Values> sums;
  for (int64_t i = 0; i < sumCount; ++i)
    sums.emplace_back(last.end() - 4 * (sumCount - i), last.end() - 4 * (sumCount - i) + 4);
  return sums;
}

void SkinnyKernel::storeTwoLevel(Value sum) {
  Value total = e.load(e.i32(), e.at(e.at(shared, e.mul(token, 4)), totalsAt()), 4);
  Value panel = panels[0];
  for (int64_t p = 1; p < shape.panels; ++p)
    panel = e.select(e.less(channel, e.num(p * kPanelRows)), panel, panels[p]);
  Value at = e.add(zeros, e.mul(e.rem(channel, kPanelRows), format.scaleBytes()));
  Value f = twoLevelResult(e, sum, total, format.loadScale(e, e.at(panel, at), /*constant=*/true));
  storeOutput(e, format, args, f, e.add(token0, token), e.add(e.mul(panel0, kPanelRows), channel));
}

void SkinnyKernel::buildTwoLevel() {
  storeResult(bytesProduct(), warp);
  e.barrier();
  Value sum = e.num(0), mine = e.at(shared, e.mul(e.add(e.mul(channel, shape.tokens), token), 4));
  for (int64_t w = 0; w < shape.warps(); ++w)
    sum = e.add(sum, e.load(e.i32(), e.at(mine, 4 * w * shape.threads()), 4));
  if (!shape.split)
    return storeTwoLevel(sum);
  e.store(sum, partialsOf(e.blockZ()), 4);
  e.ifThen(comesLast(), [&] { storeTwoLevel(sumOfSlices()); });
}
