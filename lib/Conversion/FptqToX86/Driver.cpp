//===- Driver.cpp - any number of rows, a range of panels -----------------===//
#include "KernelBuilder.h"
#include "MatmulFields.h"
#include "Rows.h"
#include "fptq/Conversion/FptqToX86/FptqX86.h"

using namespace mlir;
using namespace mlir::fptq::x86;

KernelBuilder::Rows KernelBuilder::rowTiles(Emitter &e, Value matmul) {
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
      Value many = e.less(e.num(amxMinRows(w.twoLevel, w.group) - 1), mm.m());
      e.ifElse(many, [&] { call(e, amxPrepare(), args); }, [&] { prepareTiles(e, args); });
    } else {
      prepareTiles(e, args);
    }
  });
}

/// One start value of 16-bit sums: -8 times the sums of the channels that share a half, as two halves.
Value KernelBuilder::laneStarts(Emitter &e, Value codes) {
  const int64_t depth = sumDepth(w.group);
  if (depth % 32 == 0) {
    Value sum = e.zeros(sums);
    for (int64_t i = 0; i < depth; i += 32)
      sum = Madd8Op::create(e, sums, sum, e.splat(bytes, 1), e.load(bytes, e.at(codes, i)), /*weight_max=*/1);
    for (int64_t lanes = 8; lanes > 1; lanes /= 2) { // halves stay halves
      SmallVector<int64_t> swapped;
      for (int64_t i = 0; i < 16; ++i)
        swapped.push_back(i ^ lanes);
      sum = e.add(sum, vector::ShuffleOp::create(e, sum, sum, swapped));
    }
    Value all = e.bitcast(ints, e.mul(sum, e.splat(sums, -8)));
    return vector::ExtractOp::create(e, all, ArrayRef<int64_t>{0});
  }
  Value halves[2] = {e.getI32(0), e.getI32(0)};
  for (int64_t i = 0; i < depth; ++i) {
    Value code = arith::ExtSIOp::create(e, e.getI32Type(), e.load(e.getI8Type(), e.at(codes, i)));
    halves[i / 2 % 2] = e.add(halves[i / 2 % 2], code);
  }
  Value low = arith::AndIOp::create(e, e.mul(halves[0], e.getI32(-8)), e.getI32(0xffff));
  return arith::OrIOp::create(e, low, e.mul(halves[1], e.getI32(-8 * 0x10000)));
}

/// Row tiles [k/4][rows][4] and the start values of a row.
void KernelBuilder::prepareTiles(Emitter &e, ValueRange args) {
  MatmulFields mm(e, args[0]);
  Rows rows = rowTiles(e, args[0]);
  Value q = mm.q(), qStride = mm.qStride(), groups = mm.groups();
  Value few = e.less(rows.m, e.num(foldedMaxRows() + 1)), many = e.less(e.num(1), rows.m);
  auto value = [&](Value sum) -> Value {
    if (!w.twoLevel)
      sum = w.symmetric ? e.mul(sum, e.getI32(-8)) : e.sub(e.getI32(0), sum);
    return narrowStarts() ? arith::AndIOp::create(e, sum, e.getI32(0xffff)).getResult() : sum;
  };
  auto copy = [&](Value source, Value tile, Value step) {
    const int64_t quads = w.group % 32 ? 2 : 8; // a body without its loop is cheaper
    e.loop(e.num(0), e.div(rows.rowBytes, e.num(4 * quads)), 1, ValueRange{source, tile}, [&](Value, ValueRange now) {
      Value to = now[1];
      for (int64_t i = 0; i < quads; ++i, to = e.at(to, step))
        e.store(e.load(e.getI32Type(), e.at(now[0], 4 * i), 4), to, 4);
      return SmallVector<Value>{e.at(now[0], 4 * quads), to};
    });
  };
  auto row = [&](Value m, Value tileRow, Value height, Value tile, Value starts) {
    Value source = e.at(q, e.mul(m, qStride)), step = e.mul(height, 4);
    e.ifThen(many, [&] { copy(source, e.at(tile, e.mul(tileRow, 4)), step); });
    Value sums = e.at(mm.xSums(), e.mul(e.mul(m, mm.sumsStride()), 4)), to = e.at(starts, e.mul(tileRow, 4));
    if (startsInSums()) {
      e.loop(e.num(0), e.mul(groups, startsOfGroup()), 1, [&](Value part) {
        e.store(laneStarts(e, e.at(source, e.mul(part, sumDepth(w.group)))), e.at(to, e.mul(part, step)), 4);
      });
      return;
    }
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

/// (P6) Bytes of a pair.
Value KernelBuilder::pairBytes(Emitter &e, Value groups) {
  return e.add(e.mul(groups, w.groupBytes), w.twoLevel ? kPairColumns * (w.halfScales ? 2 : 4) : 0);
}

/// Where the panels of a block are, as arguments of kernels: a pointer to each pair.
SmallVector<Type> KernelBuilder::panelTypes() {
  return SmallVector<Type>(isa.panels / kPairPanels, LLVM::LLVMPointerType::get(module.getContext()));
}

/// The arguments of panelTypes, from the front of `args`.
ValueRange KernelBuilder::takePanels(ValueRange &args) const {
  ValueRange panels = args.take_front(isa.panels / kPairPanels);
  args = args.drop_front(panels.size());
  return panels;
}

/// Behind the last pair it is repeated, and `epilogue` leaves the copies out.
SmallVector<Value> KernelBuilder::blockPanels(Emitter &e, Value matmul, Value block, Value last) {
  MatmulFields mm(e, matmul);
  Value bytes = pairBytes(e, mm.groups()), first = e.div(block, e.num(kPairPanels));
  Value end = e.ceilDiv(last, kPairPanels);
  SmallVector<Value> pairs;
  for (int64_t j = 0; j < isa.panels / kPairPanels; ++j)
    pairs.push_back(e.at(mm.packed(), e.mul(e.min(e.add(first, j), e.add(end, -1)), bytes)));
  return pairs;
}

/// (P4, P5) The tail of a panel of the block, of the group at byte `group` of its pair.
Value KernelBuilder::panelTail(Emitter &e, ValueRange panels, Value group, int64_t panel) {
  return e.at(e.at(panels[panel / kPairPanels], group), w.tail + panel % kPairPanels * w.tailBytes);
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
    Value many = e.less(e.num(amxMinRows(w.twoLevel, w.group) - 1), MatmulFields(e, args[0]).m());
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
                   [&](int64_t r) { call(e, direct(r), arguments); });
      };
      auto sumFinished = [&] {
        e.switchOn(height, llvm::to_vector(llvm::seq(minTileHeight(kOneTileRows), tileRows() + 1)),
                   [&](int64_t r) { call(e, finish(r), arguments); });
      };
      if (finishes)
        e.ifElse(e.less(rows.m, e.num(foldedMaxRows() + 1)), fold, sumFinished);
      else
        fold();
      call(e, epilogue(), {matmul, results, row, height, block, panels});
    });
  });
}
