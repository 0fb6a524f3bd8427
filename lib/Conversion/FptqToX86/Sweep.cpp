//===- Sweep.cpp - one block of columns, many rows ------------------------===//
//
// Slab by slab: some input channels of the block become bytes in L1, then every row tile runs over them. Results
// stay in L1 and L2 until the last slab.
//
//===----------------------------------------------------------------------===//
#include "Driver.h"
#include "RowKernels.h"
#include "SlabKernels.h"

using namespace mlir;
using namespace mlir::fptq::x86;

struct MatmulDriver::Sweep {
  MatmulDriver &driver;
  Emitter &e;
  const Rows &rows;
  const SlabSpace &space;
  Value firstTile, lastTile, groups;
  ValueRange panels;
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

  /// `count` tiles of `height` rows from tile `tile`: where their activations from channel k and start values from
  /// the given one of a row are, where their sums go, and how far apart tiles are.
  struct Run {
    Value height, count, activations, starts, sums, activationStep, startStep;
  };
  Run run(Value tile, Value height, Value count, Value k, Value start, Value sums) {
    Value row = rows.first(tile);
    return {height,
            count,
            e.at(e.at(rows.activations, e.mul(row, rows.rowBytes)), e.mul(k, height)),
            e.at(e.at(rows.starts, e.mul(row, rows.startBytes)), e.mul(e.mul(start, 4), height)),
            e.at(sums, e.mul(e.sub(row, row0), rowBytes())),
            e.mul(height, rows.rowBytes),
            e.mul(height, rows.startBytes)};
  }
  /// `fn` for the run of taller tiles and that of the others.
  void runs(Value from, Value k, Value start, Value sums, llvm::function_ref<void(const Run &)> fn) {
    Value border = e.min(arith::MaxSIOp::create(e, rows.longer, from), lastTile);
    fn(run(from, e.add(rows.base, 1), e.sub(border, from), k, start, sums));
    fn(run(border, rows.base, e.sub(lastTile, border), k, start, sums));
  }
  /// `fn(r)` for the run's height.
  void byHeight(const Run &r, llvm::function_ref<LLVM::LLVMFuncOp(int64_t)> callee, ArrayRef<Value> arguments) {
    auto heights = llvm::to_vector(
        llvm::seq(driver.minTileHeight(directMaxRows(driver.isa, w.twoLevel, w.group)), driver.tileRows() + 1));
    e.switchOn(r.height, heights, [&](int64_t rows) { driver.call(e, callee(rows), arguments); });
  }

  /// The slab of groups [g, g + inSlab): the first tile fills it.
  void groupSlab(Value g, Value inSlab) {
    Value k = e.mul(g, w.group), start = e.mul(g, driver.startsOfGroup());
    Run first = run(firstTile, rows.height(firstTile), e.num(1), k, start, space.results);
    byHeight(
        first, [&](int64_t r) { return kernels.first(r); },
        withPanels(
            {e.mul(g, w.groupBytes), first.activations, first.starts, inSlab, first.sums, space.slab, space.tails}));
    runs(e.add(firstTile, 1), k, start, space.results, [&](const Run &r) {
      byHeight(
          r, [&](int64_t rows) { return kernels.tile(rows); },
          {space.slab, space.tails, r.activations, r.starts, inSlab, r.sums, r.count, r.activationStep, r.startStep});
    });
  }

  /// Sums of `parts` parts of a slab that holds channels from k.
  void integers(Value k, Value start, Value parts) {
    runs(firstTile, k, start, space.sums, [&](const Run &r) {
      byHeight(
          r, [&](int64_t rows) { return kernels.integerTile(rows); },
          {space.slab, space.tails, r.activations, r.starts, parts, r.sums, r.count, r.activationStep, r.startStep});
    });
  }

  void startSums(Value g) {
    e.loop(firstTile, lastTile, 1, [&](Value tile) {
      Run r = run(tile, rows.height(tile), e.num(1), e.num(0), g, space.sums);
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
    integers(e.mul(g, w.group), e.num(0), e.mul(inSlab, w.group / driver.partK()));
  }

  /// A group longer than a slab, in pieces of whole loop bodies.
  void longGroup(Value g) {
    const int64_t piece = driver.isa.slabK / driver.partK() * driver.partK();
    Value at = e.mul(g, w.groupBytes), start = e.mul(g, driver.startsOfGroup());
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
      integers(e.add(e.mul(g, w.group), k), driver.startsInSums() ? e.add(start, part) : start,
               e.div(length, e.num(driver.partK())));
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
                         Value lastTile, ValueRange panels) {
  Value groups = MatmulFields(e, matmul).groups();
  Sweep s{*this, e, rows, space, firstTile, lastTile, groups, panels};
  s.clear(space.results);
  if (slabHoldsBytes())
    s.startSums(e.num(0));
  if (w.group > kMaxGroupInSlab)
    return e.loop(e.num(0), groups, 1, [&](Value g) { s.longGroup(g); });
  e.loop(e.num(0), groups, groupsInSlab(), [&](Value g) {
    Value inSlab = e.min(e.num(groupsInSlab()), e.sub(groups, g));
    slabHoldsBytes() ? s.byteSlab(g, inSlab) : s.groupSlab(g, inSlab);
  });
}
