//===- Amx.cpp - blocks of 2 x 2 tiles ------------------------------------===//
//
// 2 x 2 tiles (32 rows x 32 columns) need one tile load a multiply, the least that eight tiles allow. What
// a step of them reads is contiguous: activations are packed once a product, [32 rows][k/64][row tile][16][64],
// weights are unpacked to signed bytes once a slab of two panels, [k/64][panel][16][64]. Sums of the two-level
// scheme stay integers over all of K and live in L2 between slabs; sums of the group scheme are folded to floats.
//
//===----------------------------------------------------------------------===//
#include "Amx.h"

using namespace mlir;
using namespace mlir::fptq::x86;

std::unique_ptr<TileUnit> KernelBuilder::tileUnit(Emitter &e) {
  if (!emulated)
    return std::make_unique<HardwareTiles>();
  Type p = e.ptr();
  auto multiply = function("tile_multiply", {p, p, p, e.i64()}, EmulatedTiles::multiplyBody);
  return std::make_unique<EmulatedTiles>(e, multiply);
}

/// One step of a block of 2 x 2 tiles, row-major in `acc`: `depth` channels, 64 or 32.
static SmallVector<Value> multiplyBlock(Emitter &e, TileUnit &unit, Value slab, Value activations, int64_t depth,
                                        SmallVector<Value> acc) {
  SmallVector<Value> a(2);
  for (int64_t r = 0; r < 2; ++r)
    a[r] = unit.load(e, 4 + r, e.at(activations, r * kTileBytes), 64, kTileRows, depth);
  for (int64_t c = 0; c < 2; ++c) {
    Value b = unit.load(e, 6 + c, e.at(slab, c * kTileBytes), 64, depth / 4, 64);
    for (int64_t r = 0; r < 2; ++r)
      acc[2 * r + c] = unit.multiply(e, acc[2 * r + c], a[r], b, depth);
  }
  return acc;
}

/// A unit of the next slab, when it is due.
void KernelBuilder::unpackDue(Emitter &e, NextSlab &next) {
  if (!unpacksInUnits())
    return;
  Value left = e.add(next.left, -1);
  auto due = scf::IfOp::create(e, e.i64(), e.equal(left, e.num(0)), /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(e);
  e.setInsertionPointToStart(due.elseBlock());
  scf::YieldOp::create(e, left);
  e.setInsertionPointToStart(due.thenBlock());
  Value done = next.get(NextSlab::Done);
  e.ifThen(e.less(done, next.get(NextSlab::Units)), [&] {
    Value panels[] = {next.get(NextSlab::Panel0), next.get(NextSlab::Panel1)};
    unpackUnit(e, panels, next.get(NextSlab::Groups), e.add(next.get(NextSlab::FirstUnit), done), done,
               next.get(NextSlab::Place));
    next.set(NextSlab::Done, e.add(done, 1));
  });
  scf::YieldOp::create(e, next.get(NextSlab::Interval));
  next.left = due.getResult(0);
}

/// `steps` times 64 channels.
SmallVector<Value> KernelBuilder::amxSteps(Emitter &e, TileUnit &unit, Value slab, Value activations, Value steps,
                                           NextSlab &next, ValueRange acc) {
  SmallVector<Value> carried{slab, activations, next.left};
  carried.append(acc.begin(), acc.end());
  auto after = e.loop(e.num(0), steps, 1, carried, [&](Value, ValueRange now) {
    next.left = now[2];
    SmallVector<Value> sums(now.drop_front(3));
    sums = multiplyBlock(e, unit, now[0], now[1], 64, sums);
    unpackDue(e, next);
    SmallVector<Value> after{e.at(now[0], kStep), e.at(now[1], kStep), next.left};
    after.append(sums);
    return after;
  });
  next.left = after[2];
  return SmallVector<Value>(llvm::drop_begin(after, 3));
}

/// amx_integers(next slab, slab, activations, stride of 32 rows, steps, pairs of row tiles, sums): sums += a slab, or =
/// the first one.
LLVM::LLVMFuncOp KernelBuilder::amxIntegers(bool first) {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  SmallVector<Type> arguments{p, p, p, i64, i64, i64, p};
  return function(first ? "amx_integers_first" : "amx_integers", arguments, [&](Emitter &e, ValueRange args) {
    auto unit = tileUnit(e);
    Value slab = args[1], stride = args[3], steps = args[4], pairs = args[5];
    NextSlab next{e, args[0]};
    next.spread(e.mul(steps, pairs));
    e.loop(e.num(0), pairs, 1, ValueRange{args[2], args[6], next.left}, [&](Value, ValueRange now) {
      next.left = now[2];
      auto at = [&](int64_t i) { return e.at(now[1], i / 2 * kTileRows * kResultStride + i % 2 * 64); };
      SmallVector<Value> acc;
      for (int64_t i = 0; i < 4; ++i)
        acc.push_back(first ? unit->zero(e, i) : unit->load(e, i, at(i), kResultStride, kTileRows, 64));
      acc = amxSteps(e, *unit, slab, now[0], steps, next, acc);
      for (int64_t i = 0; i < 4; ++i)
        unit->store(e, acc[i], at(i), kResultStride);
      return SmallVector<Value>{e.at(now[0], stride), e.at(now[1], kPairRows * kResultStride), next.left};
    });
  });
}

/// results += the groups of one chunk, each by its scales: once a chunk, because loads and stores of results cost as
/// much as those of sums.
void KernelBuilder::foldChunk(Emitter &e, Value sums, Value scales, Value results) {
  const int64_t groups = amxChunk();
  SmallVector<Value> scale;
  for (int64_t i = 0; i < 2 * groups; ++i)
    scale.push_back(e.load(floats, e.at(scales, i / 2 * tailVectors() * 64 + i % 2 * 64), 64));
  e.loop(e.num(0), e.num(kPairRows / 4), 1, ValueRange{sums, results}, [&](Value, ValueRange now) {
    for (int64_t i = 0; i < 8; ++i) {
      Value to = e.at(now[1], i / 2 * kResultStride + i % 2 * 64), f = e.load(floats, to, 64);
      for (int64_t g = 0; g < groups; ++g) {
        Value sum = e.load(ints, e.at(now[0], g * 4 * kTileBytes + i * 64), 64);
        f = e.fma(e.toFloat(floats, sum), scale[2 * g + i % 2], f);
      }
      e.store(f, to, 64);
    }
    return SmallVector<Value>{e.at(now[0], 4 * kHalfBytes), e.at(now[1], 4 * kResultStride)};
  });
}

/// The sums of one group, to [row][panel] at `to`.
void KernelBuilder::amxGroup(Emitter &e, TileUnit &unit, Value slab, Value activations, NextSlab &next, Value to) {
  SmallVector<Value> acc;
  for (int64_t i = 0; i < 4; ++i)
    acc.push_back(unit.zero(e, i));
  if (w.group % 64 == 0) {
    acc = amxSteps(e, unit, slab, activations, e.num(w.group / 64), next, acc);
  } else { // half tiles: a whole one would add up two groups
    acc = multiplyBlock(e, unit, slab, activations, 32, acc);
  }
  for (int64_t i = 0; i < 4; ++i)
    unit.store(e, acc[i], e.at(to, i / 2 * kTileRows * kHalfBytes + i % 2 * 64), kHalfBytes);
}

/// amx_floats(next slab, slab, tails, activations, stride of 32 rows, groups, pairs of row tiles, results, space for
/// two chunks' sums): results += the groups of a slab. A chunk is folded when the multiplies of the next one are on
/// their way.
LLVM::LLVMFuncOp KernelBuilder::amxFloats() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("amx_floats", {p, p, p, p, i64, i64, i64, p, p}, [&](Emitter &e, ValueRange args) {
    auto unit = tileUnit(e);
    Value slab = args[1], tails = args[2], stride = args[4], groups = args[5], pairs = args[6], sums = args[8];
    const int64_t inChunk = amxChunk(), chunkBytes = amxChunkBytes();
    Value chunks = e.ceilDiv(groups, inChunk);
    NextSlab next{e, args[0]};
    const bool halves = w.group % 64;
    next.spread(e.mul(halves ? chunks : e.mul(groups, w.group / 64), pairs));
    // Carried: the next unit, which half of `sums`, and the chunk before: its scales (null: none) and
    // results.
    SmallVector<Value> carried{next.left, e.num(0), LLVM::ZeroOp::create(e, e.ptr()), args[7]};
    auto last = e.loop(e.num(0), pairs, 1, carried, [&](Value pair, ValueRange ofPair) {
      Value activations = e.at(args[3], e.mul(pair, stride));
      Value results = e.at(args[7], e.mul(pair, kPairRows * kResultStride));
      return e.loop(e.num(0), chunks, 1, ofPair, [&](Value chunk, ValueRange now) {
        next.left = now[0];
        Value here = e.at(sums, e.mul(now[1], chunkBytes)), first = e.mul(chunk, inChunk);
        // What the last chunk lacks has scales of zero, so that its sums do not matter.
        Value count = e.min(e.num(inChunk), e.sub(groups, first));
        Value at = e.mul(first, w.group * (kStep / 64));
        // Two groups of 32 share a step: the way to the second one and the way on take turns.
        Value slabStep = e.num(halves ? kTileBytes / 2 : w.group * (kStep / 64));
        Value activationStep = e.num(halves ? 32 : w.group * (kStep / 64));
        SmallVector<Value> carried{next.left, here, e.at(slab, at), e.at(activations, at), slabStep, activationStep};
        next.left = e.loop(e.num(0), count, 1, carried, [&](Value, ValueRange now) {
          next.left = now[0];
          amxGroup(e, *unit, now[2], now[3], next, now[1]);
          return SmallVector<Value>{next.left,
                                    e.at(now[1], 4 * kTileBytes),
                                    e.at(now[2], now[4]),
                                    e.at(now[3], now[5]),
                                    halves ? e.sub(e.num(kStep), now[4]) : now[4],
                                    halves ? e.sub(e.num(kStep), now[5]) : now[5]};
        })[0];
        if (halves)
          unpackDue(e, next);
        Value other = e.sub(e.num(1), now[1]);
        e.ifThen(e.notNull(now[2]), [&] { foldChunk(e, e.at(sums, e.mul(other, chunkBytes)), now[2], now[3]); });
        return SmallVector<Value>{next.left, other, e.at(tails, e.mul(first, tailVectors() * 64)), results};
      });
    });
    foldChunk(e, e.at(sums, e.mul(e.sub(e.num(1), last[1]), chunkBytes)), last[2], last[3]);
  });
}
