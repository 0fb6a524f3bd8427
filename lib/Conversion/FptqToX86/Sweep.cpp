//===- Sweep.cpp - one block of columns, many rows ------------------------===//
//
// Slab by slab: some input channels of the block become bytes in L1, then every row tile runs over them. Results
// stay in L1 and L2 until the last slab.
//
//===----------------------------------------------------------------------===//
#include "Driver.h"
#include "Epilogue.h"
#include "RowKernels.h"
#include "SlabKernels.h"

using namespace mlir;
using namespace mlir::fptq::x86;

struct MatmulDriver::Sweep {
  MatmulDriver &driver;
  Emitter &e;
  const Rows &rows;
  const SlabSpace &space;
  Value matmul, firstTile, lastTile, block, blockWidth;
  ValueRange panels;
  Value groups = MatmulFields(e, matmul).groups();
  Value row0 = rows.first(firstTile), count = e.sub(rows.first(lastTile), row0);
  const WeightFormat &w = driver.w;
  RowKernels kernels{driver};
  SlabKernels slabs{driver};

  int64_t rowBytes() const { return driver.isa.vectors() * driver.isa.vectorBytes(); }
  SmallVector<Value> withPanels(ArrayRef<Value> more) const {
    SmallVector<Value> arguments(panels);
    arguments.append(more.begin(), more.end());
    return arguments;
  }

  /// Tiles [first, last) of `height` rows: where their activations from channel k and start values from the given one
  /// of a row are, where their sums go, and how far apart tiles are.
  struct Run {
    Value first, last, row, height, activations, starts, sums, activationStep, startStep;
  };
  Run run(Value first, Value last, Value height, Value k, Value start, Value sums) {
    Value row = rows.first(first);
    return {first,
            last,
            row,
            height,
            e.at(e.at(rows.activations, e.mul(row, rows.rowBytes)), e.mul(k, height)),
            e.at(e.at(rows.starts, e.mul(row, rows.startBytes)), e.mul(e.mul(start, 4), height)),
            e.at(sums, e.mul(e.sub(row, row0), rowBytes())),
            e.mul(height, rows.rowBytes),
            e.mul(height, rows.startBytes)};
  }
  using RunFn = llvm::function_ref<void(const Run &)>;
  /// `fn` for the run of taller tiles and that of the others.
  void byRuns(Value from, Value k, Value start, Value sums, RunFn fn) {
    Value border = e.min(arith::MaxSIOp::create(e, rows.longer, from), lastTile);
    fn(run(from, border, e.add(rows.base, 1), k, start, sums));
    fn(run(border, lastTile, rows.base, k, start, sums));
  }
  /// The same, but where results are complete with group `end`, tile by tile, each with its epilogue: the lines that it
  /// writes are fetched while the next one multiplies.
  void byRunsOrTiles(Value from, Value end, Value k, Value start, Value sums, RunFn fn) {
    e.ifElse(
        e.equal(end, groups),
        [&] {
          e.loop(from, lastTile, 1, [&](Value tile) {
            Run r = run(tile, e.add(tile, 1), rows.height(tile), k, start, sums);
            fn(r);
            epilogue(r.sums, r.row, r.height);
          });
        },
        [&] { byRuns(from, k, start, sums, fn); });
  }
  void epilogue(Value results, Value row, Value height) {
    driver.call(e, EpilogueKernels(driver).epilogue(), {matmul, results, row, height, block, blockWidth});
  }
  /// `fn(r)` for the run's height.
  void byHeight(const Run &r, llvm::function_ref<LLVM::LLVMFuncOp(int64_t)> callee, ArrayRef<Value> arguments) {
    auto heights = llvm::to_vector(
        llvm::seq(driver.minTileHeight(directMaxRows(driver.isa, w.twoLevel, w.group)), driver.tileRows() + 1));
    e.switchOn(r.height, heights, [&](int64_t rows) { driver.call(e, callee(rows), arguments); });
  }

  /// The slab that begins at byte `at` of each pair, or in the next block: what tiles fetch, a quarter each.
  struct NextSlab {
    SmallVector<Value> pairs;
    Value quarter;
  };
  NextSlab nextSlab(Value at, Value bytes) {
    Value inBlock = e.less(at, e.mul(groups, w.groupBytes));
    Value nextBlock = e.mul(driver.pairBytes(e, groups), driver.isa.panels / kPairPanels);
    Value offset = e.select(inBlock, at, nextBlock);
    auto pairs = llvm::map_to_vector(panels, [&](Value pair) { return e.at(pair, offset); });
    return {pairs, e.mul(e.div(bytes, e.num(4 * 64)), 64)};
  }
  SmallVector<Value> slabArguments(const Run &r, Value count, const NextSlab &next) {
    SmallVector<Value> arguments{space.slab, space.tails, r.activations, r.starts,         count,
                                 r.sums,     r.first,     r.last,        r.activationStep, r.startStep};
    arguments.append(next.pairs);
    arguments.push_back(next.quarter);
    return arguments;
  }

  /// The slab of groups [g, g + inSlab): the first tile fills it.
  void groupSlab(Value g, Value inSlab) {
    Value k = e.mul(g, w.group), start = e.mul(g, driver.startsOfGroup()), end = e.add(g, inSlab);
    Run first = run(firstTile, e.add(firstTile, 1), rows.height(firstTile), k, start, space.results);
    byHeight(
        first, [&](int64_t r) { return kernels.first(r); },
        withPanels(
            {e.mul(g, w.groupBytes), first.activations, first.starts, inSlab, first.sums, space.slab, space.tails}));
    e.ifThen(e.equal(end, groups), [&] { epilogue(first.sums, first.row, first.height); });
    NextSlab next = nextSlab(e.mul(end, w.groupBytes), e.mul(inSlab, w.groupBytes));
    byRunsOrTiles(e.add(firstTile, 1), end, k, start, space.results, [&](const Run &r) {
      byHeight(r, [&](int64_t rows) { return kernels.tile(rows); }, slabArguments(r, inSlab, next));
    });
  }

  /// Sums of `parts` parts.
  void integerTiles(const Run &r, Value parts, const NextSlab &next) {
    byHeight(r, [&](int64_t rows) { return kernels.integerTile(rows); }, slabArguments(r, parts, next));
  }

  void startSums(Value g) {
    e.loop(firstTile, lastTile, 1, [&](Value tile) {
      Run r = run(tile, e.add(tile, 1), rows.height(tile), e.num(0), g, space.sums);
      driver.call(e, slabs.start(), {space.tails, r.starts, r.height, r.sums});
    });
  }

  void unpack(Value group, Value k, Value channels, Value to) {
    driver.call(e, slabs.unpack(), withPanels({group, e.div(k, e.num(8)), e.div(channels, e.num(8)), to}));
  }

  /// The slab of groups [g, g + inSlab) as finished 8-bit weights.
  void byteSlab(Value g, Value inSlab) {
    e.loop(e.num(0), inSlab, 1, [&](Value i) {
      unpack(e.mul(e.add(g, i), w.groupBytes), e.num(0), e.num(w.group),
             e.at(space.slab, e.mul(i, driver.slabBytes(w.group))));
    });
    Value end = e.add(g, inSlab), parts = e.mul(inSlab, w.group / driver.partK());
    NextSlab next = nextSlab(e.mul(end, w.groupBytes), e.mul(inSlab, w.groupBytes));
    byRunsOrTiles(firstTile, end, e.mul(g, w.group), e.num(0), space.sums,
                  [&](const Run &r) { integerTiles(r, parts, next); });
  }

  /// A group longer than a slab, in pieces of whole loop bodies.
  void longGroup(Value g) {
    const int64_t piece = driver.isa.slabK / driver.partK() * driver.partK();
    Value at = e.mul(g, w.groupBytes), start = e.mul(g, driver.startsOfGroup());
    auto octets = [&](Value channels) { return e.mul(e.div(channels, e.num(8)), kPairOctetBytes); };
    if (!driver.slabHoldsBytes()) {
      driver.call(e, slabs.tails(), withPanels({at, space.tails}));
      if (driver.startsInSums())
        clear(space.sums);
      else
        startSums(start);
    }
    e.loop(e.num(0), e.num(w.group), piece, [&](Value k) {
      Value length = e.min(e.num(piece), e.sub(e.num(w.group), k)), part = e.div(k, e.num(driver.partK()));
      unpack(at, k, length, space.slab);
      NextSlab next = nextSlab(e.add(at, octets(e.add(k, length))), octets(length));
      byRuns(firstTile, e.add(e.mul(g, w.group), k), driver.startsInSums() ? e.add(start, part) : start, space.sums,
             [&](const Run &r) { integerTiles(r, e.div(length, e.num(driver.partK())), next); });
    });
    if (!w.twoLevel)
      driver.call(e, slabs.fold(), {space.tails, count, space.sums, space.results});
  }

  void clear(Value sums) {
    const int64_t size = driver.isa.vectorBytes();
    e.loop(e.num(0), e.mul(count, driver.isa.vectors()), 1,
           [&](Value i) { e.store(e.zeros(driver.ints), e.at(sums, e.mul(i, size)), size); });
  }
};

/// Tiles [firstTile, lastTile) of rows, all of K.
void MatmulDriver::sweep(Emitter &e, Value matmul, const Rows &rows, const SlabSpace &space, Value firstTile,
                         Value lastTile, Value block, Value lastPanel) {
  SmallVector<Value> panels = blockPanels(e, matmul, block, lastPanel);
  Value width = e.min(e.num(isa.panels), e.sub(lastPanel, block));
  Sweep s{*this, e, rows, space, matmul, firstTile, lastTile, block, width, panels};
  s.clear(space.results);
  if (slabHoldsBytes())
    s.startSums(e.num(0));
  if (w.group > kMaxGroupInSlab) {
    e.loop(e.num(0), s.groups, 1, [&](Value g) { s.longGroup(g); });
    return s.epilogue(space.results, s.row0, s.count);
  }
  e.loop(e.num(0), s.groups, groupsInSlab(), [&](Value g) {
    Value inSlab = e.min(e.num(groupsInSlab()), e.sub(s.groups, g));
    slabHoldsBytes() ? s.byteSlab(g, inSlab) : s.groupSlab(g, inSlab);
  });
}
