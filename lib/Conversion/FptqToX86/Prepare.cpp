//===- Prepare.cpp - activations as the tiles of a product want them ------===//
#include "Amx.h"
#include "Driver.h"
#include "fptq/Conversion/FptqToX86/FptqX86.h"

using namespace mlir;
using namespace mlir::fptq::x86;

/// prepare(matmul, part, parts): its share of the row tiles.
LLVM::LLVMFuncOp MatmulDriver::prepare() {
  return function("prepare", {ptr, i64, i64}, [&](Emitter &e, ValueRange args) {
    MatmulFields mm(e, args[0]);
    AmxKernels amx(*this);
    if (amx.serves()) {
      Value many = e.less(e.num(amxMinRows(w.twoLevel, w.group) - 1), mm.m());
      e.ifElse(many, [&] { call(e, amx.prepare(), args); }, [&] { prepareTiles(e, args); });
    } else {
      prepareTiles(e, args);
    }
  });
}

/// One start value of 16-bit sums: -8 times the sums of the channels that share a half, as two halves.
Value MatmulDriver::laneStarts(Emitter &e, Value codes) {
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

/// What a group's sum of activations contributes to the start of its dots.
Value MatmulDriver::startValue(Emitter &e, Value sum) {
  if (!w.twoLevel)
    sum = w.symmetric ? e.mul(sum, e.getI32(-8)) : e.sub(e.getI32(0), sum);
  return narrowStarts() ? arith::AndIOp::create(e, sum, e.getI32(0xffff)).getResult() : sum;
}

/// A row of `bytes` bytes into its tile, k-quads `step` bytes apart.
void MatmulDriver::copyRow(Emitter &e, Value source, Value bytes, Value tile, Value step) {
  const int64_t quads = w.group % 32 ? 2 : 8; // a body without its loop is cheaper
  e.loop(e.num(0), e.div(bytes, e.num(4 * quads)), 1, ValueRange{source, tile}, [&](Value, ValueRange now) {
    Value to = now[1];
    for (int64_t i = 0; i < quads; ++i, to = e.at(to, step))
      e.store(e.load(e.getI32Type(), e.at(now[0], 4 * i), 4), to, 4);
    return SmallVector<Value>{e.at(now[0], 4 * quads), to};
  });
}

/// The start values of a row, `step` bytes apart. `few`: rows whose groups are folded.
void MatmulDriver::writeStarts(Emitter &e, Value codes, Value xSums, Value groups, Value few, Value to, Value step) {
  auto sumOf = [&](Value g) { return e.load(e.getI32Type(), e.at(xSums, e.mul(g, 4)), 4); };
  if (startsInSums()) {
    e.loop(e.num(0), e.mul(groups, startsOfGroup()), 1, [&](Value part) {
      e.store(laneStarts(e, e.at(codes, e.mul(part, sumDepth(w.group)))), e.at(to, e.mul(part, step)), 4);
    });
    return;
  }
  auto each = [&] {
    e.loop(e.num(0), groups, 1, [&](Value g) { e.store(startValue(e, sumOf(g)), e.at(to, e.mul(g, step)), 4); });
  };
  if (!slabHoldsBytes())
    return each();
  e.ifElse(few, each, [&] { // -128 times the sum over all of K
    SmallVector<Value> total = e.loop(e.num(0), groups, 1, ValueRange{e.getI32(0)}, [&](Value g, ValueRange now) {
      return SmallVector<Value>{e.add(now[0], sumOf(g))};
    });
    e.store(e.mul(total[0], e.getI32(-128)), to, 4);
  });
}

/// Row tiles [k/4][rows][4] and the start values of a row.
void MatmulDriver::prepareTiles(Emitter &e, ValueRange args) {
  MatmulFields mm(e, args[0]);
  Rows rows = rowTiles(e, args[0]);
  Value q = mm.q(), qStride = mm.qStride(), groups = mm.groups();
  Value few = e.less(rows.m, e.num(foldedMaxRows() + 1)), many = e.less(e.num(1), rows.m);
  Value begin = e.div(e.mul(rows.tiles, args[1]), args[2]);
  Value end = e.div(e.mul(rows.tiles, e.add(args[1], 1)), args[2]);
  e.loop(begin, end, 1, [&](Value t) {
    Value first = rows.first(t), height = rows.height(t);
    Value tile = e.at(mm.scratch(), e.mul(first, rows.rowBytes)),
          starts = e.at(rows.starts, e.mul(first, rows.startBytes));
    e.loop(e.num(0), height, 1, [&](Value r) {
      Value m = e.add(first, r), codes = e.at(q, e.mul(m, qStride)), step = e.mul(height, 4);
      e.ifThen(many, [&] { copyRow(e, codes, rows.rowBytes, e.at(tile, e.mul(r, 4)), step); });
      Value xSums = e.at(mm.xSums(), e.mul(e.mul(m, mm.sumsStride()), 4));
      writeStarts(e, codes, xSums, groups, few, e.at(starts, e.mul(r, 4)), step);
    });
  });
}
