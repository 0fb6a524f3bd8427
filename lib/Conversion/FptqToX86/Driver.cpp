//===- Driver.cpp - any number of rows, a range of panels -----------------===//
#include "KernelBuilder.h"
#include "MatmulFields.h"
#include "Rows.h"

using namespace mlir;
using namespace mlir::fptq::x86;

KernelBuilder::Rows KernelBuilder::rowTiles(Emitter &e, Value matmul) {
  MatmulFields mm(e, matmul);
  Value m = mm.m(), groups = mm.groups(), few = e.less(m, e.num(directMaxRows(isa, w.twoLevel, w.group) + 1));
  Value limit = e.select(few, e.num(isa.directRows), e.num(kSlabRows));
  Value tiles = arith::MaxSIOp::create(e, e.num(1), e.div(e.add(e.add(m, limit), -1), limit));
  Value base = e.div(m, tiles), longer = e.sub(m, e.mul(base, tiles)), rowBytes = e.mul(groups, w.group);
  // One start value for all of K where slabs hold finished weights, else one a group.
  Value starts = slabHoldsBytes() ? e.select(few, groups, e.num(1)) : groups;
  Value scratch = mm.scratch();
  // One row is its own tile: no copy.
  Value activations = e.select(e.equal(m, e.num(1)), mm.q(), scratch);
  return {e, m, tiles, base, longer, activations, startValues(e, mm), rowBytes, e.mul(starts, 4)};
}

/// Start values lie behind the activations of the scratch memory.
Value KernelBuilder::startValues(Emitter &e, MatmulFields &mm) {
  Value rowBytes = e.roundUp(e.mul(mm.groups(), w.group), 64);
  return e.at(mm.scratch(), e.mul(e.roundUp(mm.m(), 32), rowBytes));
}

/// prepare(matmul, part, parts): its share of the row tiles.
LLVM::LLVMFuncOp KernelBuilder::prepare() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("prepare", {p, i64, i64}, [&](Emitter &e, ValueRange args) {
    MatmulFields mm(e, args[0]);
    if (hasAmx()) {
      Value many = e.less(e.num(amxMinRows(w.twoLevel) - 1), mm.m());
      e.ifElse(many, [&] { call(e, amxPrepare(), args); }, [&] { prepareTiles(e, args); });
    } else {
      prepareTiles(e, args);
    }
  });
}

/// Row tiles [k/4][rows][4] and a start value a row and group.
void KernelBuilder::prepareTiles(Emitter &e, ValueRange args) {
  MatmulFields mm(e, args[0]);
  Rows rows = rowTiles(e, args[0]);
  Value q = mm.q(), qStride = mm.qStride(), groups = mm.groups(), quads = e.div(rows.rowBytes, e.num(4));
  Value few = e.less(rows.m, e.num(directMaxRows(isa, w.twoLevel, w.group) + 1)), many = e.less(e.num(1), rows.m);
  auto value = [&](Value sum) {
    return w.twoLevel ? sum : w.symmetric ? e.mul(sum, e.getI32(-8)) : e.sub(e.getI32(0), sum);
  };
  auto row = [&](Value m, Value tileRow, Value height, Value tile, Value starts) {
    Value source = e.at(q, e.mul(m, qStride)), step = e.mul(height, 4);
    e.ifThen(many, [&] {
      e.loop(e.num(0), quads, 1, ValueRange{source, e.at(tile, e.mul(tileRow, 4))}, [&](Value, ValueRange now) {
        e.store(e.load(e.getI32Type(), now[0], 4), now[1], 4);
        return SmallVector<Value>{e.at(now[0], 4), e.at(now[1], step)};
      });
    });
    Value sums = e.at(mm.xSums(), e.mul(e.mul(m, mm.sumsStride()), 4));
    Value to = e.at(starts, e.mul(tileRow, 4));
    auto each = [&] {
      e.loop(e.num(0), groups, 1, [&](Value g) {
        e.store(value(e.load(e.getI32Type(), e.at(sums, e.mul(g, 4)), 4)), e.at(to, e.mul(g, step)), 4);
      });
    };
    if (!slabHoldsBytes())
      return each();
    e.ifElse(few, each, [&] { // -128 times the sum over all of K
      SmallVector<Value> total = e.loop(e.num(0), groups, 1, ValueRange{e.getI32(0)}, [&](Value g, ValueRange now) {
        return SmallVector<Value>{e.add(now[0], e.load(e.getI32Type(), e.at(sums, e.mul(g, 4)), 4))};
      });
      e.store(e.mul(total[0], e.getI32(-128)), to, 4);
    });
  };
  Value begin = e.div(e.mul(rows.tiles, args[1]), args[2]);
  Value end = e.div(e.mul(rows.tiles, e.add(args[1], 1)), args[2]);
  e.loop(begin, end, 1, [&](Value t) {
    Value first = rows.first(t), height = rows.height(t);
    Value tile = e.at(mm.scratch(), e.mul(first, rows.rowBytes)),
          starts = e.at(rows.starts, e.mul(first, rows.startBytes));
    e.loop(e.num(0), height, 1, [&](Value r) { row(e.add(first, r), r, height, tile, starts); });
  });
}

/// (P6) Bytes of a panel.
Value KernelBuilder::panelBytes(Emitter &e, Value groups) {
  return e.add(e.mul(groups, w.groupBytes), w.twoLevel ? (w.halfScales ? 32 : 64) : 0);
}

/// The panels of one block; behind the last one it is repeated, and `epilogue` leaves the copies out.
SmallVector<Value> KernelBuilder::blockPanels(Emitter &e, Value matmul, Value block, Value last) {
  MatmulFields mm(e, matmul);
  SmallVector<Value> panels;
  for (int64_t j = 0; j < isa.panels; ++j) {
    Value panel = e.min(e.add(block, j), e.add(last, -1));
    panels.push_back(e.at(mm.packed(), e.mul(panel, panelBytes(e, mm.groups()))));
  }
  return panels;
}

/// matmul(matmul, first panel, last panel)
LLVM::LLVMFuncOp KernelBuilder::matmul() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("matmul", {p, i64, i64}, [&](Emitter &e, ValueRange args) {
    if (!hasAmx()) {
      call(e, tileMatmul(), args);
      return;
    }
    Value many = e.less(e.num(amxMinRows(w.twoLevel) - 1), MatmulFields(e, args[0]).m());
    e.ifElse(many, [&] { call(e, amxMatmul(), args); }, [&] { call(e, tileMatmul(), args); });
  });
}

/// tile_matmul(matmul, first panel, last panel): the same without AMX.
LLVM::LLVMFuncOp KernelBuilder::tileMatmul() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("tile_matmul", {p, i64, i64}, [&](Emitter &e, ValueRange args) {
    Rows rows = rowTiles(e, args[0]);
    Value few = e.less(rows.m, e.num(directMaxRows(isa, w.twoLevel, w.group) + 1));
    SlabSpace space;
    space.results = e.stack(kBlockTiles * kSlabRows * isa.vectors() * isa.vectorBytes());
    space.slab = e.stack(slabBytes(std::max(kSlabK, std::min(w.group * groupsInSlab(), kMaxGroupInSlab))));
    space.tails = e.stack(groupsInSlab() * tailVectors() * isa.vectorBytes());
    if (integerSlabs())
      space.sums = w.twoLevel ? space.results : e.stack(kBlockTiles * kSlabRows * isa.vectors() * isa.vectorBytes());
    e.ifElse(
        few, [&] { directBlocks(e, args[0], rows, space.results, args[1], args[2]); },
        [&] {
          e.loop(e.num(0), rows.tiles, kBlockTiles, [&](Value tile) {
            Value end = e.min(e.add(tile, kBlockTiles), rows.tiles);
            e.loop(args[1], args[2], isa.panels, [&](Value block) {
              sweep(e, args[0], rows, space, tile, end, blockPanels(e, args[0], block, args[2]));
              Value first = rows.first(tile);
              call(e, epilogue(),
                   {args[0], space.results, first, e.sub(rows.first(end), first), block,
                    e.min(e.num(isa.panels), e.sub(args[2], block))});
            });
          });
        });
  });
}

/// Few rows: every tile unpacks in registers.
void KernelBuilder::directBlocks(Emitter &e, Value matmul, const Rows &rows, Value results, Value first, Value last) {
  MatmulFields mm(e, matmul);
  Value groups = mm.groups();
  auto heights = llvm::to_vector(llvm::seq<int64_t>(1, isa.directRows + 1));
  e.loop(first, last, isa.panels, [&](Value block) {
    SmallVector<Value> panels = blockPanels(e, matmul, block, last);
    e.loop(e.num(0), rows.tiles, 1, [&](Value tile) {
      Value row = rows.first(tile), height = rows.height(tile);
      SmallVector<Value> arguments = panels;
      arguments.append({e.at(rows.activations, e.mul(row, rows.rowBytes)),
                        e.at(rows.starts, e.mul(row, rows.startBytes)), groups, results});
      e.switchOn(height, heights, [&](int64_t r) { call(e, direct(r), arguments); });
      call(e, epilogue(), {matmul, results, row, height, block, e.min(e.num(isa.panels), e.sub(last, block))});
    });
  });
}

/// One block of columns, tiles [firstTile, lastTile) of rows, all of K: slab by slab.
void KernelBuilder::sweep(Emitter &e, Value matmul, const Rows &rows, const SlabSpace &space, Value firstTile,
                          Value lastTile, ValueRange panels) {
  MatmulFields mm(e, matmul);
  const int64_t rowBytes = isa.vectors() * isa.vectorBytes(), octets = w.group / 8;
  Value groups = mm.groups(), row0 = rows.first(firstTile), count = e.sub(rows.first(lastTile), row0);
  auto heights = llvm::to_vector(llvm::seq<int64_t>(1, kSlabRows + 1));
  auto withPanels = [&](ArrayRef<Value> more) {
    SmallVector<Value> arguments(panels);
    arguments.append(more.begin(), more.end());
    return arguments;
  };
  // fn(tile's first row, relative; its height; its activations from channel k; its start values from group g)
  auto forTiles = [&](Value k, Value g, llvm::function_ref<void(Value, Value, Value, Value)> fn) {
    e.loop(firstTile, lastTile, 1, [&](Value tile) {
      Value row = rows.first(tile), height = rows.height(tile);
      Value a = e.at(e.at(rows.activations, e.mul(row, rows.rowBytes)), e.mul(k, height));
      Value s = e.at(e.at(rows.starts, e.mul(row, rows.startBytes)), e.mul(e.mul(g, 4), height));
      fn(e.sub(row, row0), height, a, s);
    });
  };
  auto unpackGroup = [&](Value g, Value to) {
    Value at = e.mul(g, w.groupBytes);
    call(e, unpack(), withPanels({at, e.add(at, w.tail), e.num(octets), to}));
  };
  auto addIntegers = [&](Value k, Value parts) {
    forTiles(k, e.num(0), [&](Value row, Value height, Value a, Value) {
      Value sums = e.at(space.sums, e.mul(row, rowBytes));
      e.switchOn(height, heights,
                 [&](int64_t r) { call(e, integerTile(r), {space.slab, space.tails, a, parts, sums}); });
    });
  };
  auto startAll = [&](Value g) {
    forTiles(e.num(0), g, [&](Value row, Value height, Value, Value s) {
      call(e, start(), {space.tails, s, height, e.at(space.sums, e.mul(row, rowBytes))});
    });
  };

  e.loop(e.num(0), e.mul(count, isa.vectors()), 1,
         [&](Value i) { e.store(e.zeros(ints), e.at(space.results, e.mul(i, isa.vectorBytes())), isa.vectorBytes()); });
  // A group longer than a slab, in pieces of whole loop bodies.
  auto longGroup = [&](Value g) {
    const int64_t piece = kSlabK / partK() * partK();
    Value at = e.mul(g, w.groupBytes), tail = e.add(at, w.tail);
    if (!slabHoldsBytes()) {
      call(e, tails(), withPanels({tail, space.tails}));
      startAll(g);
    }
    e.loop(e.num(0), e.num(w.group), piece, [&](Value k) {
      Value length = e.min(e.num(piece), e.sub(e.num(w.group), k));
      call(e, unpack(), withPanels({e.add(at, e.mul(k, 8)), tail, e.div(length, e.num(8)), space.slab}));
      addIntegers(e.add(e.mul(g, w.group), k), e.div(length, e.num(partK())));
    });
    if (!w.twoLevel)
      call(e, fold(), {space.tails, count, space.sums, space.results});
  };
  if (slabHoldsBytes())
    startAll(e.num(0));
  if (w.group > kMaxGroupInSlab)
    return e.loop(e.num(0), groups, 1, longGroup);
  e.loop(e.num(0), groups, groupsInSlab(), [&](Value g0) {
    Value inSlab = e.min(e.num(groupsInSlab()), e.sub(groups, g0)), k = e.mul(g0, w.group);
    e.loop(e.num(0), inSlab, 1, [&](Value i) {
      Value g = e.add(g0, i);
      unpackGroup(g, e.at(space.slab, e.mul(i, slabBytes(w.group))));
      if (!slabHoldsBytes())
        call(e, tails(),
             withPanels({e.add(e.mul(g, w.groupBytes), w.tail),
                         e.at(space.tails, e.mul(i, tailVectors() * isa.vectorBytes()))}));
    });
    if (slabHoldsBytes())
      return addIntegers(k, e.mul(inSlab, w.group / partK()));
    forTiles(k, g0, [&](Value row, Value height, Value a, Value s) {
      Value results = e.at(space.results, e.mul(row, rowBytes));
      e.switchOn(height, heights,
                 [&](int64_t r) { call(e, tile(r), {space.slab, space.tails, a, s, inSlab, results}); });
    });
  });
}
