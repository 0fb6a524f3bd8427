//===- Skinny.cpp - products of 1..16 tokens ------------------------------===//
//
// Few tokens are a matter of memory bandwidth. The weights go from global memory straight to registers, a window ahead
// of their use, with no barrier between a load and the MMA that needs it. The warps of a block have the same output
// channels and different input channels (K is split inside the block). Integer sums are exact in any order; the float
// sum of the group scheme is not (A1), so the integers of a window go through shared memory, where one thread for each
// output folds them in the order of the groups. Splitting K over blocks would cost a second kernel for that fold.
//
//===----------------------------------------------------------------------===//
#include "KernelBuilder.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

namespace {
class SkinnyKernel {
public:
  SkinnyKernel(Emitter &e, const Format &format, const SkinnyShape &shape, ValueRange arguments);
  void build() { format.twoLevel ? buildTwoLevel() : buildGroup(); }
  static int64_t sharedBytes(const Format &format, const SkinnyShape &shape);

private:
  /// What a warp (and for the fold, a thread) loads for one window.
  struct Window {
    Values weights, activations, pairs; ///< chunk by chunk
    Values scales, zeros, sums;         ///< this thread's share of what the fold needs
    Values flat() const;
  };
  Window loadWindow(Value firstChunk);
  Window unflatten(ValueRange values, const Window &like);
  Values stepActivations(const Window &w, int64_t chunk, int64_t step, int64_t tokenTile);

  void buildGroup();
  void loadFoldShare(Window &w, Value firstChunk);
  void storeFoldShare(const Window &w);
  void integerResults(const Window &w);
  void storeResult(ArrayRef<Values> sums, Value result);
  std::pair<Value, Value> fold(Value firstChunk, Value f, Value sum);

  void buildTwoLevel();
  Values loadPairs(int64_t panel, Value chunk, Value valid);

  int64_t tokenTiles() const { return shape.tokens / 8; }
  int64_t resultsPerWarp() const { return shape.chunks * kChunk / format.depth(); }
  int64_t results() const { return shape.warps() * resultsPerWarp(); }
  int64_t windowChunks() const { return shape.warps() * shape.chunks; }
  int64_t tailBytes() const { return shape.panels * format.tailRowBytes(); }
  // Shared memory of the group scheme: integer results, scales, zero points, sums of codes.
  int64_t scalesAt() const { return results() * shape.threads() * 4; }
  int64_t zerosAt() const { return scalesAt() + results() * tailBytes(); }
  int64_t sumsAt() const { return zerosAt() + (format.hasZeros() ? results() * shape.panels * kPanelRows : 0); }

  Emitter &e;
  const Format &format;
  const SkinnyShape &shape;
  MatmulArguments args;
  Value lane, warp, thread, shared;
  Value groups, chunks, columns, tail, zeros;
  Value token0, panel0;
  Values panels; ///< addresses
  Values rows;   ///< of activations: this lane's, one for each tile of 8 tokens
};
} // namespace

SkinnyKernel::SkinnyKernel(Emitter &e, const Format &format, const SkinnyShape &shape, ValueRange arguments)
    : e(e), format(format), shape(shape), args(arguments), thread(e.thread()), shared(e.shared()), groups(args.groups) {
  lane = e.bitAnd(thread, 31);
  warp = e.shr(thread, 5);
  chunks = format.chunks(e, groups);
  columns = format.columns(e, groups);
  tail = format.tail(e, groups);
  zeros = format.zeros(e, groups);
  token0 = e.mul(e.blockY(), shape.tokens);
  panel0 = e.mul(e.blockX(), shape.panels);
  Value lastPanel = e.sub(e.ceilDiv(args.n, kPanelRows), e.num(1)), panelBytes = format.panelBytes(e, groups);
  for (int64_t p = 0; p < shape.panels; ++p) // beyond the last one: again the last one, whose results nobody stores
    panels.push_back(e.atRow(args.packed, e.min(e.add(panel0, p), lastPanel), panelBytes, 1));
  Value lastToken = e.sub(args.m, e.num(1));
  for (int64_t t = 0; t < tokenTiles(); ++t) {
    Value token = e.min(e.add(e.add(token0, e.shr(lane, 2)), 8 * t), lastToken);
    rows.push_back(e.at(e.atRow(args.q, token, args.qStride, 1), e.mul(e.bitAnd(lane, 3), 4)));
  }
}

int64_t SkinnyKernel::sharedBytes(const Format &format, const SkinnyShape &shape) {
  if (format.twoLevel)
    return shape.warps() * shape.threads() * 4 + shape.tokens * 4;
  int64_t results = shape.warps() * shape.chunks * kChunk / format.depth();
  return results * (shape.threads() * 4 +
                    shape.panels * (format.tailRowBytes() + (format.hasZeros() ? kPanelRows : 0)) + shape.tokens * 4);
}

//===----------------------------------------------------------------------===//
// One window
//===----------------------------------------------------------------------===//

Values SkinnyKernel::Window::flat() const {
  Values all;
  for (const Values *part : {&weights, &activations, &pairs, &scales, &zeros, &sums})
    all.append(*part);
  return all;
}

SkinnyKernel::Window SkinnyKernel::unflatten(ValueRange values, const Window &like) {
  Window w;
  auto take = [&](Values &to, const Values &from) {
    to.assign(values.begin(), values.begin() + from.size());
    values = values.drop_front(from.size());
  };
  take(w.weights, like.weights);
  take(w.activations, like.activations);
  take(w.pairs, like.pairs);
  take(w.scales, like.scales);
  take(w.zeros, like.zeros);
  take(w.sums, like.sums);
  return w;
}

/// Chunks beyond the last are the last one again: their results are not folded (group), or have a = b = 0 (two-level).
SkinnyKernel::Window SkinnyKernel::loadWindow(Value firstChunk) {
  Window w;
  Value lastChunk = e.sub(chunks, e.num(1)), lastStep = e.sub(columns, e.num(kStep));
  for (int64_t i = 0; i < shape.chunks; ++i) {
    Value wanted = e.add(firstChunk, e.add(e.mul(warp, shape.chunks), i)), chunk = e.min(wanted, lastChunk);
    for (Value panel : panels)
      w.weights.push_back(e.loadConstant(
          e.vec(4, e.i32()), e.at(panel, e.add(e.mul(chunk, kChunkBytes), e.mul(lane, kLaneBytes))), kLaneBytes));
    for (int64_t step = 0; step < 2; ++step) {
      Value k = e.add(e.mul(chunk, kChunk), step * kStep);
      if (format.group == kStep && step) // an odd number of groups: the last chunk has one step of activations
        k = e.min(k, lastStep);
      for (Value row : rows)
        for (int64_t half : {0, 16})
          w.activations.push_back(e.loadConstant(e.i32(), e.at(row, e.add(k, half)), 4));
    }
    if (format.twoLevel)
      for (int64_t p = 0; p < shape.panels; ++p)
        w.pairs.append(loadPairs(p, chunk, e.less(wanted, chunks)));
  }
  if (!format.twoLevel)
    loadFoldShare(w, firstChunk);
  return w;
}

Values SkinnyKernel::stepActivations(const Window &w, int64_t chunk, int64_t step, int64_t tokenTile) {
  int64_t first = ((chunk * 2 + step) * tokenTiles() + tokenTile) * 2;
  return {w.activations[first], w.activations[first + 1]};
}

//===----------------------------------------------------------------------===//
// Group scheme
//===----------------------------------------------------------------------===//

/// 16 bytes of scales, 16 of zero points and one sum a thread are enough for a window; surplus threads load what others
/// do.
void SkinnyKernel::loadFoldShare(Window &w, Value firstChunk) {
  Value firstResult = e.mul(firstChunk, kChunk / std::min(format.depth(), kChunk));
  if (format.depth() > kChunk)
    firstResult = e.div(firstChunk, format.depth() / kChunk);
  Value lastGroup = e.sub(groups, e.num(1));
  auto groupOf = [&](Value result) {
    return e.min(e.div(e.add(firstResult, result), format.resultsPerGroup()), lastGroup);
  };
  auto panelOf = [&](Value row) { // selects among the few addresses: an indexed list would live in local memory
    Value address = panels[0];
    for (int64_t p = 1; p < shape.panels; ++p)
      address = e.select(e.equal(e.rem(row, shape.panels), p), panels[p], address);
    return address;
  };
  int64_t pieces = format.tailRowBytes() / 16;
  Value share = e.rem(thread, results() * shape.panels * pieces), row = e.div(share, pieces);
  Value at = e.add(e.mul(groupOf(e.div(row, shape.panels)), format.tailRowBytes()), e.mul(e.rem(share, pieces), 16));
  w.scales.push_back(e.loadConstant(e.vec(4, e.i32()), e.at(panelOf(row), e.add(tail, at)), 16));
  if (format.hasZeros()) {
    row = e.rem(thread, results() * shape.panels);
    at = e.mul(groupOf(e.div(row, shape.panels)), kPanelRows);
    w.zeros.push_back(e.loadConstant(e.vec(4, e.i32()), e.at(panelOf(row), e.add(zeros, at)), 16));
  }
  share = e.rem(thread, results() * shape.tokens);
  Value token = e.min(e.add(token0, e.div(share, results())), e.sub(args.m, e.num(1)));
  Value sums = e.atRow(args.xSums, token, args.sumsStride, 4);
  w.sums.push_back(e.loadConstant(e.i32(), e.at(sums, e.mul(groupOf(e.rem(share, results())), 4)), 4));
}

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

void SkinnyKernel::integerResults(const Window &w) {
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
      storeResult(sums, e.add(e.mul(warp, resultsPerWarp()), result++));
      sums = zeroSums;
    }
}

/// (A1) Adds a window's groups to `f`, in order. `sum` carries the integer sum of a group longer than a result.
std::pair<Value, Value> SkinnyKernel::fold(Value firstChunk, Value f, Value sum) {
  Value channel = e.div(thread, shape.tokens), panel = e.div(channel, kPanelRows), row = e.rem(channel, kPanelRows);
  Value token = e.rem(thread, shape.tokens);
  Value scale =
      e.at(shared, e.add(e.add(e.mul(panel, format.tailRowBytes()), e.mul(row, format.scaleBytes())), scalesAt()));
  Value zero = e.at(shared, e.add(channel, zerosAt())), sums = e.at(shared, e.add(e.mul(token, 4), sumsAt()));
  Value integers = e.at(shared, e.mul(thread, 4));
  Value all = e.mul(groups, format.resultsPerGroup());
  Value first =
      format.depth() > kChunk ? e.div(firstChunk, format.depth() / kChunk) : e.mul(firstChunk, kChunk / format.depth());
  for (int64_t i = 0; i < results(); ++i) {
    Value result = e.add(first, i);
    sum = e.add(sum, e.load(e.i32(), e.at(integers, 4 * i * shape.threads()), 4));
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
  Window first = loadWindow(e.num(0));
  Values carried = first.flat();
  carried.append({e.real(0), e.num(0)});
  Values last = e.loop(e.num(0), chunks, e.num(windowChunks()), carried, [&](Value chunk, ValueRange now) {
    Window w = unflatten(now, first);
    Values next = loadWindow(e.add(chunk, windowChunks())).flat();
    storeFoldShare(w);
    integerResults(w);
    e.barrier();
    auto [f, sum] = fold(chunk, now.drop_back().back(), now.back());
    e.barrier(); // before the next window overwrites what was folded
    next.append({f, sum});
    return next;
  });
  storeOutput(e, args, last[last.size() - 2], e.add(token0, e.rem(thread, shape.tokens)),
              e.add(e.mul(panel0, kPanelRows), e.div(thread, shape.tokens)));
}

//===----------------------------------------------------------------------===//
// Two-level scheme
//===----------------------------------------------------------------------===//

/// {a, b} of the lane's two rows, for each step where steps differ; 0 beyond the last chunk.
Values SkinnyKernel::loadPairs(int64_t panel, Value chunk, Value valid) {
  Values pairs;
  int64_t steps = format.group == kStep ? 2 : 1;
  Value group = steps == 2 ? e.mul(chunk, 2) : e.div(chunk, format.group / kChunk);
  Value at = e.add(tail, e.add(e.mul(group, format.tailRowBytes()), e.mul(e.shr(lane, 2), 2)));
  Value none = arith::ConstantOp::create(e, e.getI16IntegerAttr(0));
  for (int64_t step = 0; step < steps; ++step)
    for (int64_t half = 0; half < 2; ++half) {
      Value pair =
          e.loadConstant(e.getI16Type(), e.at(panels[panel], e.add(at, step * format.tailRowBytes() + 16 * half)), 2);
      pairs.push_back(e.select(valid, pair, none));
    }
  return pairs;
}

void SkinnyKernel::buildTwoLevel() {
  int64_t totalsAt = shape.warps() * shape.threads() * 4, sumCount = shape.panels * tokenTiles();
  Window first = loadWindow(e.num(0));
  tokenTotals(e, args, token0, shape.tokens, shape.warps(), e.at(shared, totalsAt));
  Values carried = first.flat();
  carried.append(4 * sumCount, e.num(0));
  Values last = e.loop(e.num(0), chunks, e.num(windowChunks()), carried, [&](Value chunk, ValueRange now) {
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
  storeResult(sums, warp);
  e.barrier();
  Value sum = e.num(0), token = e.rem(thread, shape.tokens), channel = e.div(thread, shape.tokens);
  for (int64_t w = 0; w < shape.warps(); ++w)
    sum = e.add(sum, e.load(e.i32(), e.at(e.at(shared, e.mul(thread, 4)), 4 * w * shape.threads()), 4));
  Value total = e.load(e.i32(), e.at(e.at(shared, e.mul(token, 4)), totalsAt), 4);
  Value panel = panels[0];
  for (int64_t p = 1; p < shape.panels; ++p)
    panel = e.select(e.less(channel, e.num(p * kPanelRows)), panel, panels[p]);
  Value at = e.add(zeros, e.mul(e.rem(channel, kPanelRows), format.scaleBytes()));
  Value f = twoLevelResult(e, sum, total, format.loadScale(e, e.at(panel, at), /*constant=*/true));
  storeOutput(e, args, f, e.add(token0, token), e.add(e.mul(panel0, kPanelRows), channel));
}

Kernel mlir::fptq::nvptx::skinnyKernel(gpu::GPUModuleOp module, const Format &format, const SkinnyShape &shape) {
  Kernel launch{{}, shape.threads(), SkinnyKernel::sharedBytes(format, shape), shape.panels * kPanelRows, shape.tokens};
  std::string tile = std::to_string(launch.rows) + "x" + std::to_string(shape.tokens) + "x" +
                     std::to_string(shape.warps() * shape.chunks * kChunk);
  OpBuilder types(module.getContext());
  Emitter e(module.getLoc(), module.getContext());
  return getOrCreateKernel(
      module, format.name() + "_skinny" + Twine(shape.tokens), MatmulArguments::types(e), launch, tile,
      [&](Emitter &e, ValueRange arguments) { SkinnyKernel(e, format, shape, arguments).build(); });
}
