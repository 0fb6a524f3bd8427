//===- Amx.cpp - many rows on AMX tiles -----------------------------------===//
//
// 2 x 2 tiles (32 rows x 32 columns) need one tile load a multiply, the least that eight tiles allow. What
// a step of them reads is contiguous: activations are packed once a product, [32 rows][k/64][row tile][16][64],
// weights are unpacked to bytes once a slab of two panels, [k/64][panel][16][64]. Sums of the two-level scheme
// stay integers over all of K and live in L2 between slabs; sums of the group scheme are folded to floats.
//
//===----------------------------------------------------------------------===//
#include "KernelBuilder.h"
#include "MatmulFields.h"
#include "TileUnit.h"
#include <numeric>

using namespace mlir;
using namespace mlir::fptq::x86;

static constexpr int64_t kAmxSlabK =
    512; // two panels: 16 KiB, a third of L1. At 1024 small products lose 30 % to store misses
static constexpr int64_t kStep = 2 * kTileBytes; // from one k/64 to the next
static constexpr int64_t kPairRows = 2 * kTileRows;
static constexpr int64_t kResultStride = 256; // a row of a block: 64 columns of 4 bytes
static constexpr int64_t kHalfBytes = 128;    // its two panels
static constexpr int64_t kSweepPairs = 8;     // 256 rows: packed activations stay in L2

/// Groups of one slab: whole tiles (64 k) of them.
int64_t KernelBuilder::amxGroups() const {
  if (w.group > kAmxSlabK)
    return 1;
  int64_t step = std::lcm(w.group, int64_t(64)) / w.group;
  return std::max<int64_t>(step, kAmxSlabK / (w.group * step) * step);
}

/// Group sums need a group to be whole tiles; the two-level scheme only a slab.
bool KernelBuilder::hasAmx() const {
  if (!isa.amx)
    return false;
  return w.twoLevel && w.group <= kAmxSlabK ? amxGroups() * w.group <= kAmxSlabK : w.group % 64 == 0;
}

std::unique_ptr<TileUnit> KernelBuilder::tileUnit(Emitter &e) {
  if (!emulated)
    return std::make_unique<HardwareTiles>();
  Type p = e.ptr();
  auto body = [&](bool weightsSigned) {
    return [weightsSigned](Emitter &e, ValueRange args) { EmulatedTiles::multiplyBody(e, args, weightsSigned); };
  };
  auto signedFunction = function("tile_multiply_s8", {p, p, p}, body(true));
  auto unsignedFunction = function("tile_multiply_u8", {p, p, p}, body(false));
  return std::make_unique<EmulatedTiles>(e, signedFunction, unsignedFunction);
}

/// amx_unpack(two panels, nibbles, tail, octets, first octet, slab): octets of one group as bytes: a*q + b unsigned in
/// the two-level scheme, q - z signed in the group scheme.
LLVM::LLVMFuncOp KernelBuilder::amxUnpack() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("amx_unpack", {p, p, i64, i64, i64, i64, p}, [&](Emitter &e, ValueRange args) {
    VectorType halves = e.vec(32, e.getI16Type());
    SmallVector<Value> factor(2), shift(2, e.splat(bytes, -8));
    for (int64_t j = 0; j < 2; ++j) {
      Value tail = e.at(args[j], args[3]);
      if (w.twoLevel)
        factor[j] = e.bitcast(halves, e.mul(loadTail(e, Tail::Multiplier, tail, 0), e.splat(ints, 0x10001)));
      if (w.twoLevel || !w.symmetric)
        shift[j] = e.bitcast(bytes, e.mul(loadTail(e, Tail::Zero, tail, 0), e.splat(ints, 0x1010101)));
      if (!w.twoLevel && !w.symmetric)
        shift[j] = e.sub(e.zeros(bytes), shift[j]);
    }
    e.loop(e.num(0), args[4], 1, [&](Value i) {
      Value octet = e.add(args[5], i), at = e.add(args[2], e.mul(i, 64));
      Value step = e.mul(e.div(octet, e.num(8)), kStep), inTile = e.mul(arith::AndIOp::create(e, octet, e.num(7)), 128);
      Value to = e.at(args[6], e.add(step, inTile));
      for (int64_t j = 0; j < 2; ++j) {
        Value from = e.at(args[j], at), packed = e.load(bytes, from);
        e.prefetch(from, 2048);
        for (int64_t half = 0; half < 2; ++half) {
          Value quad = nibbles(e, packed, half);
          if (w.twoLevel) // a * q <= 240 carries nothing into the upper byte
            quad = e.bitcast(bytes, e.mul(e.bitcast(halves, quad), factor[j]));
          Value line = e.at(to, j * kTileBytes + half * 64);
          e.store(e.add(quad, shift[j]), line, 64);
          e.prefetch(line, kStep); // the sweep before left the slab in L2, from where stores alone fetch slowly
        }
      }
    });
  });
}

/// `steps` steps of a block of 2 x 2 tiles, row-major in `acc`.
SmallVector<Value> KernelBuilder::amxSteps(Emitter &e, TileUnit &unit, Value slab, Value activations, Value steps,
                                           ValueRange acc) {
  SmallVector<Value> carried{slab, activations};
  carried.append(acc.begin(), acc.end());
  auto after = e.loop(e.num(0), steps, 1, carried, [&](Value, ValueRange now) {
    SmallVector<Value> sums(now.drop_front(2)), a(2), next{e.at(now[0], kStep), e.at(now[1], kStep)};
    for (int64_t r = 0; r < 2; ++r)
      a[r] = unit.load(e, 4 + r, e.at(now[1], r * kTileBytes), 64);
    for (int64_t c = 0; c < 2; ++c) {
      Value b = unit.load(e, 6 + c, e.at(now[0], c * kTileBytes), 64);
      for (int64_t r = 0; r < 2; ++r)
        sums[2 * r + c] = unit.multiply(e, sums[2 * r + c], a[r], b, !w.twoLevel);
    }
    next.append(sums);
    return next;
  });
  return SmallVector<Value>(llvm::drop_begin(after, 2));
}

/// amx_integers(slab, activations, stride of 32 rows, steps, pairs of row tiles, sums): sums += a slab.
LLVM::LLVMFuncOp KernelBuilder::amxIntegers() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("amx_integers", {p, p, i64, i64, i64, p}, [&](Emitter &e, ValueRange args) {
    auto unit = tileUnit(e);
    e.loop(e.num(0), args[4], 1, ValueRange{args[1], args[5]}, [&](Value, ValueRange now) {
      auto at = [&](int64_t i) { return e.at(now[1], i / 2 * kTileRows * kResultStride + i % 2 * 64); };
      SmallVector<Value> acc;
      for (int64_t i = 0; i < 4; ++i)
        acc.push_back(unit->load(e, i, at(i), kResultStride));
      acc = amxSteps(e, *unit, args[0], now[0], args[3], acc);
      for (int64_t i = 0; i < 4; ++i)
        unit->store(e, acc[i], at(i), kResultStride);
      return SmallVector<Value>{e.at(now[0], args[2]), e.at(now[1], kPairRows * kResultStride)};
    });
  });
}

/// amx_floats(slab, tails, activations, stride of 32 rows, groups, pairs of row tiles, results): results += groups of
/// a slab. The fold of one group overlaps with the multiplies of the next.
LLVM::LLVMFuncOp KernelBuilder::amxFloats() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("amx_floats", {p, p, p, i64, i64, i64, p}, [&](Emitter &e, ValueRange args) {
    auto unit = tileUnit(e);
    const int64_t tempBytes = 4 * kTileBytes;
    Value temp = e.stack(2 * tempBytes); // [group mod 2][row][panel]
    auto tempOf = [&](Value group) { return e.at(temp, e.mul(arith::AndIOp::create(e, group, e.num(1)), tempBytes)); };
    auto fold = [&](Value group, Value results) {
      Value tails = e.at(args[1], e.mul(group, tailVectors() * 64));
      Value scales[2] = {e.load(floats, tails, 64), e.load(floats, e.at(tails, 64), 64)};
      e.loop(e.num(0), e.num(kPairRows / 4), 1, ValueRange{tempOf(group), results}, [&](Value, ValueRange now) {
        for (int64_t i = 0; i < 8; ++i) {
          Value sum = e.toFloat(floats, e.load(ints, e.at(now[0], i * 64), 64));
          Value to = e.at(now[1], i / 2 * kResultStride + i % 2 * 64);
          e.store(e.fma(sum, scales[i % 2], e.load(floats, to, 64)), to, 64);
        }
        return SmallVector<Value>{e.at(now[0], 4 * kHalfBytes), e.at(now[1], 4 * kResultStride)};
      });
    };
    e.loop(e.num(0), args[5], 1, ValueRange{args[2], args[6]}, [&](Value, ValueRange now) {
      e.loop(e.num(0), args[4], 1, [&](Value group) {
        SmallVector<Value> acc;
        for (int64_t i = 0; i < 4; ++i)
          acc.push_back(unit->zero(e, i));
        Value k = e.mul(group, w.group / 64 * kStep);
        acc = amxSteps(e, *unit, e.at(args[0], k), e.at(now[0], k), e.num(w.group / 64), acc);
        e.ifThen(e.less(e.num(0), group), [&] { fold(e.add(group, -1), now[1]); });
        for (int64_t i = 0; i < 4; ++i)
          unit->store(e, acc[i], e.at(tempOf(group), i / 2 * kTileRows * kHalfBytes + i % 2 * 64), kHalfBytes);
      });
      fold(e.add(args[4], -1), now[1]);
      return SmallVector<Value>{e.at(now[0], args[3]), e.at(now[1], kPairRows * kResultStride)};
    });
  });
}

/// amx_prepare(matmul, part, parts): activations as tiles, zero beyond M and K, and the start values of the
/// two-level sums.
LLVM::LLVMFuncOp KernelBuilder::amxPrepare() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("amx_prepare", {p, i64, i64}, [&](Emitter &e, ValueRange args) {
    MatmulFields mm(e, args[0]);
    Value m = mm.m(), groups = mm.groups(), rowBytes = e.mul(groups, w.group), q = mm.q(), qStride = mm.qStride();
    Value steps = e.ceilDiv(rowBytes, 64), whole = e.div(rowBytes, e.num(64)), tiles = e.mul(e.ceilDiv(m, 32), 2);
    Value scratch = mm.scratch(), starts = startValues(e, mm);
    auto dwords = [&](Value from, Value to, Value low, Value high) {
      e.loop(low, high, 4, [&](Value i) { e.store(e.load(e.getI32Type(), e.at(from, i), 1), e.at(to, i), 4); });
    };
    auto row = [&](Value tile, Value r) {
      Value at = e.add(e.mul(tile, kTileRows), r), from = e.at(q, e.mul(at, qStride));
      Value pair = e.at(scratch, e.mul(e.mul(e.div(tile, e.num(2)), steps), kStep));
      Value to = e.at(pair, e.add(e.mul(arith::AndIOp::create(e, tile, e.num(1)), kTileBytes), e.mul(r, 64)));
      auto clear = [&](Value first) {
        e.loop(first, steps, 1, [&](Value s) { e.store(e.zeros(bytes), e.at(to, e.mul(s, kStep)), 64); });
      };
      e.ifElse(
          e.less(at, m),
          [&] {
            e.loop(e.num(0), whole, 1,
                   [&](Value s) { e.store(e.load(bytes, e.at(from, e.mul(s, 64))), e.at(to, e.mul(s, kStep)), 64); });
            clear(whole);
            dwords(e.at(from, e.mul(whole, 64)), e.at(to, e.mul(whole, kStep)), e.num(0),
                   e.sub(rowBytes, e.mul(whole, 64)));
            if (!w.twoLevel)
              return;
            Value sums = e.at(mm.xSums(), e.mul(e.mul(at, mm.sumsStride()), 4));
            auto total = e.loop(e.num(0), groups, 1, ValueRange{e.getI32(0)}, [&](Value g, ValueRange now) {
              return SmallVector<Value>{e.add(now[0], e.load(e.getI32Type(), e.at(sums, e.mul(g, 4)), 4))};
            });
            e.store(e.mul(total[0], e.getI32(-128)), e.at(starts, e.mul(at, 4)), 4);
          },
          [&] { clear(e.num(0)); });
    };
    Value first = e.div(e.mul(tiles, args[1]), args[2]), last = e.div(e.mul(tiles, e.add(args[1], 1)), args[2]);
    e.loop(first, last, 1, [&](Value tile) { e.loop(e.num(0), e.num(kTileRows), 1, [&](Value r) { row(tile, r); }); });
  });
}

/// amx_matmul(matmul, first panel, last panel)
LLVM::LLVMFuncOp KernelBuilder::amxMatmul() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("amx_matmul", {p, i64, i64}, [&](Emitter &e, ValueRange args) {
    MatmulFields mm(e, args[0]);
    const int64_t resultBytes = kSweepPairs * kPairRows * kResultStride;
    SlabSpace space;
    space.results = e.stack(resultBytes);
    space.sums = w.group > kAmxSlabK && !w.twoLevel ? e.stack(resultBytes) : space.results;
    space.slab = e.stack(kAmxSlabK / 64 * kStep);
    space.tails = e.stack(amxGroups() * tailVectors() * 64);
    Value m = mm.m(), pairs = e.ceilDiv(m, kPairRows);
    e.loop(e.num(0), pairs, kSweepPairs, [&](Value pair) {
      Value count = e.min(e.num(kSweepPairs), e.sub(pairs, pair)), row = e.mul(pair, kPairRows);
      Value rows = e.min(e.num(kSweepPairs * kPairRows), e.sub(m, row));
      e.loop(args[1], args[2], isa.panels, [&](Value block) {
        amxSweep(e, args[0], space, pair, count, rows, blockPanels(e, args[0], block, args[2]));
        call(e, epilogue(),
             {args[0], space.results, row, rows, block, e.min(e.num(isa.panels), e.sub(args[2], block))});
      });
    });
  });
}

/// One block of columns and up to 8 pairs of row tiles, all of K. The two halves of the block take turns, so that the
/// slab they share stays in L1.
void KernelBuilder::amxSweep(Emitter &e, Value matmul, const SlabSpace &space, Value pair, Value pairs, Value rows,
                             ArrayRef<Value> panels) {
  MatmulFields mm(e, matmul);
  Value groups = mm.groups(), stride = e.mul(e.ceilDiv(e.mul(groups, w.group), 64), kStep);
  Value activations = e.at(mm.scratch(), e.mul(pair, stride));
  auto tailsOf = [&](Value tail, Value to) {
    SmallVector<Value> arguments(panels);
    arguments.append({tail, to});
    call(e, tails(), arguments);
  };
  auto clear = [&](Value memory) {
    e.loop(e.num(0), e.mul(pairs, kPairRows * kResultStride), 64,
           [&](Value i) { e.store(e.zeros(ints), e.at(memory, i), 64); });
  };
  auto unpackHalf = [&](int64_t half, Value nibbles, Value tail, Value octets, Value firstOctet) {
    call(e, amxUnpack(), {panels[2 * half], panels[2 * half + 1], nibbles, tail, octets, firstOctet, space.slab});
  };
  auto integers = [&](int64_t half, Value k, Value length) { // k, length: channels of the padded stream
    call(e, amxIntegers(),
         {space.slab, e.at(activations, e.mul(k, kStep / 64)), stride, e.ceilDiv(length, 64), pairs,
          e.at(space.sums, half * kHalfBytes)});
  };

  clear(space.results);
  if (w.twoLevel)
    call(e, start(), {space.tails, e.at(startValues(e, mm), e.mul(pair, kPairRows * 4)), rows, space.sums});
  if (w.group > kAmxSlabK)
    return e.loop(e.num(0), groups, 1, [&](Value g) {
      Value at = e.mul(g, w.groupBytes), tail = e.add(at, w.tail);
      if (!w.twoLevel) {
        clear(space.sums);
        tailsOf(tail, space.tails);
      }
      e.loop(e.num(0), e.num(w.group), kAmxSlabK, [&](Value k) {
        Value length = e.min(e.num(kAmxSlabK), e.sub(e.num(w.group), k));
        for (int64_t half = 0; half < 2; ++half) {
          unpackHalf(half, e.add(at, e.mul(k, 8)), tail, e.div(length, e.num(8)), e.num(0));
          integers(half, e.add(e.mul(g, w.group), k), length);
        }
      });
      if (!w.twoLevel)
        call(e, fold(), {space.tails, rows, space.sums, space.results});
    });
  e.loop(e.num(0), groups, amxGroups(), [&](Value g0) {
    Value inSlab = e.min(e.num(amxGroups()), e.sub(groups, g0)), k = e.mul(g0, w.group);
    for (int64_t half = 0; half < 2; ++half) {
      e.loop(e.num(0), inSlab, 1, [&](Value i) {
        Value at = e.mul(e.add(g0, i), w.groupBytes), tail = e.add(at, w.tail);
        unpackHalf(half, at, tail, e.num(w.group / 8), e.mul(i, w.group / 8));
        if (!w.twoLevel && half == 0)
          tailsOf(tail, e.at(space.tails, e.mul(i, tailVectors() * 64)));
      });
      if (w.twoLevel)
        integers(half, k, e.mul(inSlab, w.group));
      else
        call(e, amxFloats(),
             {space.slab, e.at(space.tails, half * kHalfBytes), e.at(activations, e.mul(k, kStep / 64)), stride, inSlab,
              pairs, e.at(space.results, half * kHalfBytes)});
    }
  });
}
