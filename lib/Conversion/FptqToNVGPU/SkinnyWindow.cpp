//===- SkinnyWindow.cpp - what a window loads -----------------------------===//
//
// Weights first, activations after: where kernels overlap (programmatic dependent launch), only the activations have to
// wait for the kernel that wrote them.
//
//===----------------------------------------------------------------------===//
#include "Skinny.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

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

SkinnyKernel::Window SkinnyKernel::loadWindow(Value firstChunk) {
  Window w;
  loadWeights(w, firstChunk);
  loadActivations(w, firstChunk);
  return w;
}

SkinnyKernel::Window SkinnyKernel::loadFirstWindow(bool withFoldShare) {
  Window w;
  loadWeights(w, begin);
  if (withFoldShare)
    loadFoldScales(w, begin);
  e.waitForKernelBefore();
  loadActivations(w, begin);
  if (withFoldShare)
    loadFoldSums(w, begin);
  return w;
}

/// Chunks beyond the last are the last one again: their results are not folded (group), or have a = b = 0 (two-level).
void SkinnyKernel::loadWeights(Window &w, Value firstChunk) {
  Value lastChunk = e.sub(end, e.num(1));
  for (int64_t i = 0; i < shape.chunks; ++i) {
    Value wanted = e.add(firstChunk, e.add(e.mul(warp, shape.chunks), i)), chunk = e.min(wanted, lastChunk);
    for (Value panel : panels)
      w.weights.push_back(e.loadWeight(
          e.vec(4, e.i32()), e.at(panel, e.add(e.mul(chunk, kChunkBytes), e.mul(lane, kLaneBytes))), kLaneBytes));
    if (format.twoLevel)
      for (int64_t p = 0; p < shape.panels; ++p)
        w.pairs.append(loadPairs(p, chunk, e.less(wanted, end)));
  }
}

void SkinnyKernel::loadActivations(Window &w, Value firstChunk) {
  Value lastChunk = e.sub(end, e.num(1)), lastStep = e.sub(columns, e.num(kStep));
  for (int64_t i = 0; i < shape.chunks; ++i) {
    Value chunk = e.min(e.add(firstChunk, e.add(e.mul(warp, shape.chunks), i)), lastChunk);
    for (int64_t step = 0; step < 2; ++step) {
      Value k = e.add(e.mul(chunk, kChunk), step * kStep);
      if (format.group == kStep && step) // an odd number of groups: the last chunk has one step of activations
        k = e.min(k, lastStep);
      for (Value row : rows)
        for (int64_t half : {0, 16})
          w.activations.push_back(e.loadConstant(e.i32(), e.at(row, e.add(k, half)), 4));
    }
  }
}

Values SkinnyKernel::stepActivations(const Window &w, int64_t chunk, int64_t step, int64_t tokenTile) {
  int64_t first = ((chunk * 2 + step) * tokenTiles() + tokenTile) * 2;
  return {w.activations[first], w.activations[first + 1]};
}

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
          e.loadWeight(e.getI16Type(), e.at(panels[panel], e.add(at, step * format.tailRowBytes() + 16 * half)), 2);
      pairs.push_back(e.select(valid, pair, none));
    }
  return pairs;
}

//===----------------------------------------------------------------------===//
// What the fold of a window needs
//===----------------------------------------------------------------------===//

/// The number of the first result of a window, counted over all of K.
Value SkinnyKernel::firstResult(Value firstChunk) {
  return format.depth() > kChunk ? e.div(firstChunk, format.depth() / kChunk)
                                 : e.mul(firstChunk, kChunk / format.depth());
}

Value SkinnyKernel::groupOf(Value result) {
  return e.min(e.div(result, format.resultsPerGroup()), e.sub(groups, e.num(1)));
}

/// 16 bytes of scales and 16 of zero points a thread are enough for a window; surplus threads load what others do.
void SkinnyKernel::loadFoldScales(Window &w, Value firstChunk) {
  Value first = firstResult(firstChunk);
  auto panelOf = [&](Value row) { // selects among the few addresses: an indexed list would live in local memory
    Value address = panels[0];
    for (int64_t p = 1; p < shape.panels; ++p)
      address = e.select(e.equal(e.rem(row, shape.panels), p), panels[p], address);
    return address;
  };
  int64_t pieces = format.tailRowBytes() / 16;
  Value share = e.rem(thread, results() * shape.panels * pieces), row = e.div(share, pieces);
  Value group = groupOf(e.add(first, e.div(row, shape.panels)));
  Value at = e.add(e.mul(group, format.tailRowBytes()), e.mul(e.rem(share, pieces), 16));
  w.scales.push_back(e.loadWeight(e.vec(4, e.i32()), e.at(panelOf(row), e.add(tail, at)), 16));
  if (format.hasZeros()) {
    row = e.rem(thread, results() * shape.panels);
    at = e.mul(groupOf(e.add(first, e.div(row, shape.panels))), kPanelRows);
    w.zeros.push_back(e.loadWeight(e.vec(4, e.i32()), e.at(panelOf(row), e.add(zeros, at)), 16));
  }
}

/// One sum of codes a thread.
void SkinnyKernel::loadFoldSums(Window &w, Value firstChunk) {
  Value share = e.rem(thread, results() * shape.tokens);
  Value row = e.min(e.add(token0, e.div(share, results())), e.sub(args.m, e.num(1)));
  Value group = groupOf(e.add(firstResult(firstChunk), e.rem(share, results())));
  Value sums = e.atRow(args.xSums, row, args.sumsStride, 4);
  w.sums.push_back(e.loadConstant(e.i32(), e.at(sums, e.mul(group, 4)), 4));
}
