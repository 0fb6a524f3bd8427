//===- AmxFloats.cpp - sums of groups on tiles, folded to floats ----------===//
//
// Tiles have to pass through memory to be converted: 64 stores, loads, conversions and FMAs a group. So results are
// loaded and stored once a chunk of two groups only, and a chunk is folded in pieces between the steps of the next
// one. There is one copy of a chunk's sums, 8 KiB in four pieces of 16 rows: those of group i take the place of the
// rows [16 i, 16 i + 16) of both groups before, which are folded while group i is multiplied.
//
//===----------------------------------------------------------------------===//
#include "Amx.h"

using namespace mlir;
using namespace mlir::fptq::x86;

static constexpr int64_t kPiece = kTileRows * kHalfBytes;

/// The pair of row tiles in hand: its results, and the ends of its slab, its activations and the slab's scales, from
/// where groups count backwards (a start and an end would take two registers). And the chunk that waits: its first
/// piece is rows [0, 16) of group 0, its last one rows [16, 32) of group 1, the two others change places from chunk to
/// chunk. `Bytes` of a piece: 0 before the first chunk.
enum class AmxFoldField { Slab, Activations, Scales, Results, Group1, Half1, ChunkScales, ChunkResults, Bytes };
struct AmxKernels::Fold : AmxRecord<AmxFoldField> {
  using Field = AmxFoldField;
  Fold(Emitter &e, Value record, Value sums) : AmxRecord(e, record), sums(sums) {}

  /// Where the rows [16 half, 16 half + 16) of group `g` wait: the sums of group `half`, row tile `g` come there.
  Value piece(int64_t half, int64_t g) const {
    return half == g ? e.at(sums, 3 * kPiece * half) : pointer(g ? Field::Group1 : Field::Half1);
  }
  /// The chunk that begins at a group, all of it in its place, is the next to wait.
  void wait(Value group) const {
    Value group1 = pointer(Field::Half1);
    set(Field::Half1, pointer(Field::Group1));
    set(Field::Group1, group1);
    set(Field::ChunkScales, e.at(pointer(Field::Scales), e.mul(group, kResultStride)));
    set(Field::ChunkResults, pointer(Field::Results));
    set(Field::Bytes, e.num(kPiece));
  }
  void clear() const {
    set(Field::Group1, e.at(sums, kPiece));
    set(Field::Half1, e.at(sums, 2 * kPiece));
    set(Field::Bytes, e.num(0));
  }

private:
  Value sums;
};

/// results += rows of one half of both groups, each by its scales; from byte `first` of their pieces on.
void AmxKernels::foldRows(Emitter &e, const Fold &fold, int64_t half, Value first, int64_t rows) {
  using Field = Fold::Field;
  Value sums[] = {e.at(fold.piece(half, 0), first), e.at(fold.piece(half, 1), first)};
  Value scales = fold.pointer(Field::ChunkScales);
  Value results = e.at(fold.pointer(Field::ChunkResults), e.mul(first, kResultStride / kHalfBytes));
  SmallVector<Value> scale;
  for (int64_t i = 0; i < 4; ++i)
    scale.push_back(e.load(floats, e.at(scales, i / 2 * kResultStride + i % 2 * 64), 64));
  for (int64_t i = 0; i < 2 * rows; ++i) {
    Value to = e.at(results, (half * kTileRows + i / 2) * kResultStride + i % 2 * 64), f = e.load(floats, to, 64);
    for (int64_t g = 0; g < 2; ++g) {
      Value sum = e.load(ints, e.at(sums[g], i / 2 * kHalfBytes + i % 2 * 64), 64);
      f = e.fma(e.toFloat(floats, sum), scale[2 * g + i % 2], f);
    }
    e.store(f, to, 64);
  }
}

/// The unit with which group `i` of a chunk begins, counted backwards.
Value AmxKernels::unitOf(Emitter &e, Value chunk, int64_t i) {
  if (groupsShareSteps())
    return arith::ShRSIOp::create(e, chunk, e.num(1));
  return e.mul(e.add(chunk, i), groupSteps());
}

/// Group `i` of the chunk that begins at group `chunk`; its sums take the place of those folded between its steps.
void AmxKernels::multiplyGroup(Emitter &e, TileUnit &unit, Value chunk, int64_t i, const NextSlab &next,
                               const Fold &fold) {
  using Field = Fold::Field;
  const bool halves = groupsShareSteps(); // a chunk is one step: a whole one would add up two groups
  const int64_t steps = groupSteps(), depth = halves ? w.group : 64;
  const int64_t rows = kTileRows / llvm::bit_floor(uint64_t(steps)), bytes = rows * kHalfBytes;
  Value at = e.mul(chunk, groupBytes());
  Value slab = e.at(e.at(fold.pointer(Field::Slab), at), i * (halves ? kTileBytes / 2 : groupBytes()));
  Value activations = e.at(e.at(fold.pointer(Field::Activations), at), i * (halves ? 32 : groupBytes()));
  Value firstUnit = unitOf(e, chunk, i);
  SmallVector<Value> carried{slab, activations};
  for (int64_t t = 0; t < 4; ++t)
    carried.push_back(unit.zero(e, t));
  auto multiply = [&](Value step, ValueRange now) {
    auto sums = multiplyStep(e, unit, now[0], now[1], depth, now.drop_front(2));
    if (!halves || i == 1) // once a step of 64 channels
      unpackDue(e, next, e.add(firstUnit, step));
    Value first = e.mul(step, bytes);
    e.ifThen(e.less(first, fold.get(Field::Bytes)), [&] { foldRows(e, fold, i, first, rows); });
    SmallVector<Value> after{e.at(now[0], kStep), e.at(now[1], kStep)};
    after.append(sums);
    return after;
  };
  auto after = steps == 1 ? multiply(e.num(0), carried) : e.loop(e.num(0), e.num(steps), 1, carried, multiply);
  for (int64_t t = 0; t < 4; ++t)
    unit.store(e, after[2 + t], e.at(fold.piece(i, t / 2), t % 2 * 64), kHalfBytes);
}

/// Half of a chunk by itself.
void AmxKernels::foldHalf(Emitter &e, const Fold &fold, int64_t half) {
  const int64_t rows = 4;
  e.loop(e.num(0), fold.get(Fold::Field::Bytes), rows * kHalfBytes,
         [&](Value first) { foldRows(e, fold, half, first, rows); });
}

/// The scales of a slab's groups as [group][panel][16] floats at `to`. Zeros complete the last chunk: what the tiles
/// of a group that does not exist hold is then of no matter.
void AmxKernels::loadScales(Emitter &e, const Sweep &sweep, Value group, Value count, Value to) {
  e.loop(e.num(0), count, 1, [&](Value i) {
    Value from = e.mul(e.add(group, i), w.groupBytes), at = e.at(to, e.mul(i, kResultStride));
    for (int64_t j = 0; j < 4; ++j)
      e.store(loadTail(e, Tail::Scale, panelTail(e, sweep.panels, from, j), 0), e.at(at, j * 64), 64);
  });
  Value odd = arith::AndIOp::create(e, count, e.num(1));
  e.ifThen(e.equal(odd, e.num(1)), [&] {
    for (int64_t j = 0; j < 4; ++j)
      e.store(e.zeros(floats), e.at(e.at(to, e.mul(count, kResultStride)), j * 64), 64);
  });
}

/// The two groups of a chunk, or the one that is left.
void AmxKernels::multiplyChunk(Emitter &e, TileUnit &unit, Value chunk, const NextSlab &next, const Fold &fold) {
  multiplyGroup(e, unit, chunk, 0, next, fold);
  auto none = [&] {
    foldHalf(e, fold, 1);
    if (groupsShareSteps())
      unpackDue(e, next, unitOf(e, chunk, 1));
  };
  e.ifElse(e.less(chunk, e.num(-1)), [&] { multiplyGroup(e, unit, chunk, 1, next, fold); }, none);
  fold.wait(chunk);
}

/// results += the groups of a slab, pair by pair. `allScales`: those of two slabs, because the last chunk of one is
/// folded when the next one has begun.
void AmxKernels::foldSlab(Emitter &e, TileUnit &unit, const Sweep &sweep, const Slab &slab, const Slab &after,
                          const Fold &fold, Value allScales, Value results) {
  using Field = Fold::Field;
  const NextSlab &next = sweep.next;
  const int64_t inSlab = slabK() / w.group;
  Value group = e.div(e.mul(slab.first, unitK()), e.num(w.group));
  Value here = e.min(e.num(inSlab), e.sub(sweep.groups, group)), size = e.mul(here, groupBytes());
  Value scales = e.at(allScales, e.mul(arith::AndIOp::create(e, slab.number, e.num(1)), inSlab * kResultStride));
  e.ifThen(e.equal(slab.firstHalf, e.num(0)), [&] { loadScales(e, sweep, group, here, scales); });
  next.set(NextSlab::Field::FirstUnit, e.add(after.first, slab.units));
  eachBlock(e, sweep, slab, after, results, [&](const Block &block) {
    // Units count backwards, as groups do.
    next.set(NextSlab::Field::Units, e.sub(block.due, slab.units));
    next.set(NextSlab::Field::Place, e.at(block.weights, e.mul(slab.units, kStep)));
    fold.set(Field::Slab, e.at(block.weights, size));
    fold.set(Field::Scales, e.at(e.at(scales, e.mul(block.half, kHalfBytes)), e.mul(here, kResultStride)));
    fold.set(Field::Activations, e.at(block.activations, size));
    fold.set(Field::Results, block.results);
    e.loop(e.sub(e.num(0), here), e.num(0), 2, [&](Value chunk) { multiplyChunk(e, unit, chunk, next, fold); });
  });
}

/// amx_floats(sweep..., results): results += all of K.
LLVM::LLVMFuncOp AmxKernels::floatSums() {
  SmallVector<Type> arguments = sweepArguments();
  arguments.push_back(ptr);
  return function("amx_floats", arguments, [&](Emitter &e, ValueRange args) {
    auto unit = tileUnit(e);
    Sweep sweep = openSweep(e, args);
    Value sums = e.at(sweep.space, foldOffset()), scales = e.at(sums, 4 * kPiece);
    Fold fold(e, e.at(sweep.space, kAmxFold), sums);
    fold.clear();
    Value units = e.ceilDiv(e.mul(sweep.groups, w.group), unitK());
    eachSlab(e, sweep, e.num(0), units, [&](const Slab &slab, const Slab &after) {
      foldSlab(e, *unit, sweep, slab, after, fold, scales, args[6]);
    });
    foldHalf(e, fold, 0);
    foldHalf(e, fold, 1);
  });
}
