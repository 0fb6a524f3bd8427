//===- SkinnyGroup.cpp - float scales of groups, few tokens ---------------===//
#include "Skinny.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

void SkinnyKernel::storeFoldShare(const Window &w) {
  Value share = e.rem(thread, results() * tailBytes() / 16);
  e.store(w.scales[0], e.at(shared, e.add(e.mul(share, 16), scalesAt())), 16);
  if (format.hasZeros())
    e.store(w.zeros[0], e.at(shared, e.add(e.mul(e.rem(thread, results() * shape.panels), 16), zerosAt())), 16);
  share = e.rem(thread, results() * shape.tokens);
  Value at = e.add(e.mul(e.rem(share, results()), shape.tokens), e.div(share, results()));
  e.store(w.sums[0], e.at(shared, e.add(e.mul(at, 4), sumsAt())), 4);
}

/// One result's fragments, panel by panel and token tile by token tile, to results[result][channel][token].
void SkinnyKernel::storeResult(ArrayRef<Values> sums, Value result) {
  Value g = e.shr(lane, 2), c = e.bitAnd(lane, 3);
  Value base =
      e.at(shared, e.mul(e.add(e.mul(result, shape.threads()), e.add(e.mul(g, shape.tokens), e.mul(c, 2))), 4));
  for (int64_t p = 0; p < shape.panels; ++p)
    for (int64_t t = 0; t < tokenTiles(); ++t)
      for (int64_t half = 0; half < 2; ++half) {
        ArrayRef<Value> sum = sums[p * tokenTiles() + t];
        Value pair = e.vectorOf({sum[2 * half], sum[2 * half + 1]});
        e.store(pair, e.at(base, 4 * ((kPanelRows * p + 8 * half) * shape.tokens + 8 * t)), 8);
      }
}

/// The MMAs of a window; `store` gets each result with its number in the window.
void SkinnyKernel::integerResults(const Window &w, StoreResult store) {
  SmallVector<Values> zeroSums(shape.panels * tokenTiles(), Values(4, e.num(0))), sums = zeroSums;
  int64_t steps = 0, result = 0;
  for (int64_t i = 0; i < shape.chunks; ++i)
    for (int64_t step = 0; step < 2; ++step) {
      for (int64_t p = 0; p < shape.panels; ++p) {
        Values codes = codesOfStep(e, e.words(w.weights[i * shape.panels + p]), step);
        for (int64_t t = 0; t < tokenTiles(); ++t) {
          Values &sum = sums[p * tokenTiles() + t];
          sum = mma(e, codes, stepActivations(w, i, step, t), sum);
        }
      }
      if (++steps * kStep % format.depth())
        continue;
      store(sums, e.add(e.mul(warp, resultsPerWarp()), result++));
      sums = zeroSums;
    }
}

/// (A1) Adds a window's groups to `f`, in order. `sum` carries the integer sum of a group longer than a result;
/// `integer` gives the window's results.
std::pair<Value, Value> SkinnyKernel::fold(Value firstChunk, Value f, Value sum,
                                           llvm::function_ref<Value(int64_t)> integer) {
  Value panel = e.div(channel, kPanelRows), row = e.rem(channel, kPanelRows);
  Value scale =
      e.at(shared, e.add(e.add(e.mul(panel, format.tailRowBytes()), e.mul(row, format.scaleBytes())), scalesAt()));
  Value zero = e.at(shared, e.add(channel, zerosAt())), sums = e.at(shared, e.add(e.mul(token, 4), sumsAt()));
  Value all = e.mul(groups, format.resultsPerGroup()), first = firstResult(firstChunk);
  for (int64_t i = 0; i < results(); ++i) {
    Value result = e.add(first, i);
    sum = e.add(sum, integer(i));
    Value xSum = e.load(e.i32(), e.at(sums, 4 * i * shape.tokens), 4);
    Value z = format.symmetric
                  ? e.num(8)
                  : arith::ExtUIOp::create(e, e.i32(), e.load(e.i8(), e.at(zero, i * shape.panels * kPanelRows), 1));
    Value s = format.loadScale(e, e.at(scale, i * tailBytes()), /*constant=*/false);
    Value next = e.fma(e.toFloat(e.sub(sum, e.mul(z, xSum))), s, f);
    Value ends = e.less(result, all);
    if (format.resultsPerGroup() == 1) {
      sum = e.num(0);
    } else {
      Value last = e.equal(e.rem(e.add(result, 1), format.resultsPerGroup()), 0);
      ends = e.both(ends, last);
      sum = e.select(last, e.num(0), sum);
    }
    f = e.select(ends, next, f);
  }
  return {f, sum};
}

void SkinnyKernel::buildGroup() {
  Window first = loadFirstWindow(/*withFoldShare=*/true);
  Value integers = e.at(shared, e.mul(thread, 4));
  Values carried = first.flat();
  carried.append({e.real(0), e.num(0)});
  Values last = e.loop(begin, stop, e.num(windowChunks()), carried, [&](Value chunk, ValueRange now) {
    Window w = unflatten(now, first), next = loadWindow(e.add(chunk, windowChunks()));
    loadFoldScales(next, e.add(chunk, windowChunks()));
    loadFoldSums(next, e.add(chunk, windowChunks()));
    storeFoldShare(w);
    integerResults(w, [&](ArrayRef<Values> sums, Value result) { storeResult(sums, result); });
    e.barrier();
    auto [f, sum] = fold(chunk, now.drop_back().back(), now.back(),
                         [&](int64_t i) { return e.load(e.i32(), e.at(integers, 4 * i * shape.threads()), 4); });
    e.barrier(); // before the next window overwrites what was folded
    Values all = next.flat();
    all.append({f, sum});
    return all;
  });
  storeOutput(e, format, args, last[last.size() - 2], e.add(token0, token), e.add(e.mul(panel0, kPanelRows), channel));
}
