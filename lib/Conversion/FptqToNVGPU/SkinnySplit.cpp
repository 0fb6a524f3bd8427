//===- SkinnySplit.cpp - K split over blocks, few tokens ------------------===//
//
// The blocks of a tile (blockIdx.z) take a slice of K each. What they leave in the workspace is integers, so nothing
// depends on who comes when: a sum for each output (two-level), or a result for each output and piece of K, which the
// last block folds in the order of the groups (A1 allows no other order). The workspace is [tile][row][token][channel]:
// rows are slices, or results.
//
// Who comes last is known by a counter a tile that wraps to 0, so that the next launch finds it as this one did. Two
// fences of thread 0 and the barriers around it order all that a block wrote before all that the last one reads (PTX
// ISA, "Memory Consistency Model": release and acquire patterns are cumulative). A cluster could hand the integers over
// in shared memory, on sm_90 only and with all blocks of a tile running at once.
//
//===----------------------------------------------------------------------===//
#include "Skinny.h"

using namespace mlir;
using namespace mlir::fptq::nvptx;

/// Slices end where results do, and are as long as each other but for the last ones. One that has nothing takes a round
/// all the same: its results do not exist, or have a = b = 0.
void SkinnyKernel::takeSlice() {
  int64_t unit = std::max<int64_t>(1, format.depth() / kChunk);
  Value units = e.ceilDiv(chunks, unit), slices = e.gridZ();
  Value length = e.mul(e.div(e.sub(e.add(units, slices), e.num(1)), slices), unit);
  begin = e.min(e.mul(e.blockZ(), length), chunks);
  end = e.min(e.add(begin, length), chunks);
  // Neighbours have neighbouring channels: they read the workspace in order.
  channel = e.rem(thread, shape.panels * kPanelRows);
  token = e.div(thread, shape.panels * kPanelRows);
}

/// The thread's word of a row of the workspace.
Value SkinnyKernel::partialsOf(Value row) {
  Value tile = e.add(e.mul(e.blockY(), e.gridX()), e.blockX());
  Value count = format.twoLevel ? e.gridZ() : e.mul(groups, format.resultsPerGroup());
  Value tilePartials = e.atRow(args.workspace, tile, e.mul(count, shape.threads()), 4);
  return e.at(tilePartials, e.mul(e.add(e.mul(row, shape.threads()), thread), 4));
}

/// Whether this block is the last of its tile to come here; then it may read what the others wrote.
Value SkinnyKernel::comesLast() {
  Value flag = e.at(shared, SkinnyKernel::sharedBytes(format, shape) - 16), last = e.sub(e.gridZ(), e.num(1));
  e.barrier(); // all of the block has written
  e.ifThen(e.equal(thread, 0), [&] {
    Value counter = e.at(args.counters, e.mul(e.add(e.mul(e.blockY(), e.gridX()), e.blockX()), 4));
    e.fence();
    Value before = LLVM::AtomicRMWOp::create(e, LLVM::AtomicBinOp::uinc_wrap, counter, last,
                                             LLVM::AtomicOrdering::monotonic, "device");
    e.fence();
    e.store(before, flag, 4);
  });
  e.barrier();
  return e.equal(e.load(e.i32(), flag, 4), last);
}

//===----------------------------------------------------------------------===//
// Two-level scheme
//===----------------------------------------------------------------------===//

Value SkinnyKernel::sumOfSlices() {
  Value sum = e.num(0), slices = e.gridZ();
  for (int64_t s = 0; s < kMaxSlices; ++s) { // unrolled: the loads overlap
    Value partial = e.load(e.i32(), partialsOf(e.min(e.num(s), e.sub(slices, e.num(1)))), 4);
    sum = e.add(sum, e.select(e.less(e.num(s), slices), partial, e.num(0)));
  }
  return sum;
}

//===----------------------------------------------------------------------===//
// Group scheme
//===----------------------------------------------------------------------===//

/// One result's fragments to the workspace. What is not stored, nobody reads: tokens beyond m, results of the next
/// slice, results that do not exist.
void SkinnyKernel::storePartials(ArrayRef<Values> sums, Value result) {
  Value all = e.mul(groups, format.resultsPerGroup()), g = e.shr(lane, 2), c = e.bitAnd(lane, 3);
  Value tile = e.add(e.mul(e.blockY(), e.gridX()), e.blockX());
  Value base = e.atRow(args.workspace, tile, e.mul(all, shape.threads()), 4);
  Value exists = e.less(result, e.min(firstResult(end), all));
  constexpr int64_t kPairs = 2;
  for (int64_t t = 0; t < tokenTiles(); ++t)
    for (int64_t i = 0; i < kPairs; ++i) {
      Value row = e.add(e.mul(c, kPairs), 8 * t + i);
      e.ifThen(e.both(exists, e.less(e.add(token0, row), args.m)), [&] {
        Value word = e.add(e.mul(result, shape.threads()), e.add(e.mul(row, shape.panels * kPanelRows), g));
        Value to = e.at(base, e.mul(word, 4));
        for (int64_t p = 0; p < shape.panels; ++p)
          for (int64_t half = 0; half < 2; ++half)
            e.store(sums[p * tokenTiles() + t][kPairs * half + i], e.at(to, 4 * (kPanelRows * p + 8 * half)), 4);
      });
    }
}

/// A window's results of this thread's output.
Values SkinnyKernel::loadPartials(Value firstChunk) {
  Value last = e.sub(e.mul(groups, format.resultsPerGroup()), e.num(1)), first = firstResult(firstChunk);
  Values partials;
  for (int64_t i = 0; i < results(); ++i)
    partials.push_back(e.load(e.i32(), partialsOf(e.min(e.add(first, i), last)), 4));
  return partials;
}

/// The loop of buildGroup over all of K, with integers from the workspace.
void SkinnyKernel::foldPartials() {
  auto load = [&](Window &share, Value chunk) {
    loadFoldScales(share, chunk);
    loadFoldSums(share, chunk);
    Values all = share.flat();
    all.append(loadPartials(chunk));
    return all;
  };
  Window first;
  Values carried = load(first, e.num(0));
  carried.append({e.real(0), e.num(0)});
  Values last = e.loop(e.num(0), chunks, e.num(windowChunks()), carried, [&](Value chunk, ValueRange now) {
    ValueRange integers = now.drop_back(2).take_back(results());
    Window next;
    Values all = load(next, e.add(chunk, windowChunks()));
    storeFoldShare(unflatten(now, first));
    e.barrier();
    auto [f, sum] = fold(chunk, now.drop_back().back(), now.back(), [&](int64_t i) { return integers[i]; });
    e.barrier();
    all.append({f, sum});
    return all;
  });
  storeOutput(e, format, args, last[last.size() - 2], e.add(token0, token), e.add(e.mul(panel0, kPanelRows), channel));
}

/// No barrier in this loop: a warp's results go from registers to the workspace.
void SkinnyKernel::buildGroupSlice() {
  Window first = loadFirstWindow(/*withFoldShare=*/false);
  e.loop(begin, stop, e.num(windowChunks()), first.flat(), [&](Value chunk, ValueRange now) {
    Values next = loadWindow(e.add(chunk, windowChunks())).flat();
    integerResults(unflatten(now, first), [&](ArrayRef<Values> sums, Value result) {
      storePartials(sums, e.add(firstResult(chunk), result));
    });
    return next;
  });
  e.ifThen(comesLast(), [&] { foldPartials(); });
}
