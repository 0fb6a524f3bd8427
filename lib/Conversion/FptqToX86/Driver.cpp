//===- Driver.cpp - any number of rows, a range of panels -----------------===//
#include "Driver.h"
#include "Amx.h"
#include "Epilogue.h"
#include "RowKernels.h"

using namespace mlir;
using namespace mlir::fptq::x86;

MatmulDriver::Rows MatmulDriver::rowTiles(Emitter &e, Value matmul) {
  MatmulFields mm(e, matmul);
  Value m = mm.m(), groups = mm.groups(), few = e.less(m, e.num(foldedMaxRows() + 1));
  Value oneTile = e.less(m, e.num(kOneTileRows + 1));
  Value tiles = e.select(oneTile, e.num(1), e.ceilDiv(m, tileRows()));
  Value base = e.div(m, tiles), longer = e.sub(m, e.mul(base, tiles)), rowBytes = e.mul(groups, w.group);
  // One start value for all of K where weights are finished, else one a group.
  Value starts = slabHoldsBytes() ? e.select(few, groups, e.num(1)) : e.mul(groups, startsOfGroup());
  Value scratch = mm.scratch();
  // One row is its own tile: no copy.
  Value activations = e.select(e.equal(m, e.num(1)), mm.q(), scratch);
  return {e, m, tiles, base, longer, activations, startValues(e, mm), rowBytes, e.mul(starts, 4)};
}

/// Start values lie behind the activations of the scratch memory.
Value MatmulDriver::startValues(Emitter &e, MatmulFields &mm) {
  Value rowBytes = e.roundUp(e.mul(mm.groups(), w.group), 64);
  return e.at(mm.scratch(), e.mul(e.roundUp(mm.m(), 32), rowBytes));
}

/// matmul(matmul, first panel, last panel)
LLVM::LLVMFuncOp MatmulDriver::matmul() {
  return function("matmul", {ptr, i64, i64}, [&](Emitter &e, ValueRange args) {
    AmxKernels amx(*this);
    if (!amx.serves()) {
      call(e, tileMatmul(), args);
      return;
    }
    Value many = e.less(e.num(amxMinRows(w.twoLevel, w.group) - 1), MatmulFields(e, args[0]).m());
    e.ifElse(many, [&] { call(e, amx.matmul(), args); }, [&] { call(e, tileMatmul(), args); });
  });
}

/// tile_matmul(matmul, first panel, last panel): the same without AMX.
LLVM::LLVMFuncOp MatmulDriver::tileMatmul() {
  return function("tile_matmul", {ptr, i64, i64}, [&](Emitter &e, ValueRange args) {
    Rows rows = rowTiles(e, args[0]);
    Value few = e.less(rows.m, e.num(directMaxRows(isa, w.twoLevel, w.group) + 1));
    SlabSpace space;
    space.results = e.stack(kSweepRows * isa.vectors() * isa.vectorBytes());
    space.slab = e.stack(slabBytes(std::max(isa.slabK, std::min(w.group * groupsInSlab(), kMaxGroupInSlab))));
    space.tails = e.stack(groupsInSlab() * tailVectors() * isa.vectorBytes());
    if (integerSlabs())
      space.sums = w.twoLevel ? space.results : e.stack(kSweepRows * isa.vectors() * isa.vectorBytes());
    e.ifElse(
        few, [&] { directBlocks(e, args[0], rows, space.results, args[1], args[2]); },
        [&] {
          e.loop(e.num(0), rows.tiles, kSweepRows / tileRows(), [&](Value tile) {
            Value end = e.min(e.add(tile, kSweepRows / tileRows()), rows.tiles);
            e.loop(args[1], args[2], isa.panels,
                   [&](Value block) { sweep(e, args[0], rows, space, tile, end, block, args[2]); });
          });
        });
  });
}

/// Few rows: every tile unpacks in registers.
void MatmulDriver::directBlocks(Emitter &e, Value matmul, const Rows &rows, Value results, Value first, Value last) {
  RowKernels kernels(*this);
  Value groups = MatmulFields(e, matmul).groups();
  const bool finishes = finishesDirectly(isa, w.twoLevel, w.group);
  const int64_t tallest = finishes ? kOneTileRows : std::max(tileRows(), kOneTileRows);
  e.loop(first, last, isa.panels, [&](Value block) {
    SmallVector<Value> where = blockPanels(e, matmul, block, last);
    Value panels = e.min(e.num(isa.panels), e.sub(last, block));
    e.loop(e.num(0), rows.tiles, 1, [&](Value tile) {
      Value row = rows.first(tile), height = rows.height(tile);
      SmallVector<Value> arguments(where);
      arguments.append({panels, e.at(rows.activations, e.mul(row, rows.rowBytes)),
                        e.at(rows.starts, e.mul(row, rows.startBytes)), groups, results});
      auto fold = [&] {
        e.switchOn(height, llvm::to_vector(llvm::seq<int64_t>(1, tallest + 1)),
                   [&](int64_t r) { call(e, kernels.direct(r), arguments); });
      };
      auto sumFinished = [&] {
        e.switchOn(height, llvm::to_vector(llvm::seq(minTileHeight(kOneTileRows), tileRows() + 1)),
                   [&](int64_t r) { call(e, kernels.finish(r), arguments); });
      };
      if (finishes)
        e.ifElse(e.less(rows.m, e.num(foldedMaxRows() + 1)), fold, sumFinished);
      else
        fold();
      call(e, EpilogueKernels(*this).epilogue(), {matmul, results, row, height, block, panels});
    });
  });
}
