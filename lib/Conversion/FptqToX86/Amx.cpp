//===- Amx.cpp - many rows on AMX tiles -----------------------------------===//
//
// Weights are unpacked to bytes once a slab, [panel][k/4][64]: 16 k-quads of a panel are one tile. 2 x 2
// tiles (32 rows x 32 columns) need one tile load a multiply, the least that eight tiles allow; 16 rows
// take 1 x 4. Sums of the two-level scheme stay integers over all of K and live in L2 between slabs; sums
// of the group scheme are folded to floats group by group, one group behind the multiplies.
//
//===----------------------------------------------------------------------===//
#include "KernelBuilder.h"
#include "MatmulFields.h"
#include "Rows.h"
#include "TileUnit.h"
#include <numeric>

using namespace mlir;
using namespace mlir::fptq::x86;

static constexpr int64_t kAmxSlabK = 512;                 // 4 panels: 32 KiB, beside 16 KiB of activations in L1
static constexpr int64_t kPanelStride = kAmxSlabK * 16;   // bytes of a slab's panel
static constexpr int64_t kResultStride = 256;             // 64 columns of 4 bytes
static constexpr int64_t kSweepTiles = 16;                // 256 rows: packed activations stay in L2

/// Groups of one slab: whole tiles (64 k) of them.
int64_t KernelBuilder::amxGroups() const {
  if (w.group > kAmxSlabK)
    return 1;
  int64_t step = std::lcm(w.group, int64_t(64)) / w.group;
  return std::max<int64_t>(step, kAmxSlabK / (w.group * step) * step);
}

/// Group sums need a group to be whole tiles; the two-level scheme only a slab.
bool KernelBuilder::hasAmx() const {
  if (!isa.amxMinRows)
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

/// amx_unpack(panel..., nibbles, tail, octets, slab): octets of one group as bytes, [panel][k/4][64]: a*q + b
/// unsigned in the two-level scheme, q - z signed in the group scheme.
LLVM::LLVMFuncOp KernelBuilder::amxUnpack() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  SmallVector<Type> arguments(isa.panels, p);
  arguments.append({i64, i64, i64, p});
  return function("amx_unpack", arguments, [&](Emitter &e, ValueRange args) {
    ValueRange panels = args.take_front(isa.panels), rest = args.drop_front(isa.panels);
    VectorType halves = e.vec(32, e.getI16Type());
    SmallVector<Value> factor(isa.panels), shift(isa.panels);
    for (int64_t j = 0; j < isa.panels; ++j) {
      Value tail = e.at(panels[j], rest[1]);
      shift[j] = e.splat(bytes, -8);
      if (w.twoLevel)
        factor[j] = e.bitcast(halves, e.mul(loadTail(e, Tail::Multiplier, tail, 0), e.splat(ints, 0x10001)));
      if (w.twoLevel || !w.symmetric)
        shift[j] = e.bitcast(bytes, e.mul(loadTail(e, Tail::Zero, tail, 0), e.splat(ints, 0x1010101)));
      if (!w.twoLevel && !w.symmetric)
        shift[j] = e.sub(e.zeros(bytes), shift[j]);
    }
    e.loop(e.num(0), rest[2], 1, {rest[0], rest[3]}, [&](Value, ValueRange now) {
      for (int64_t j = 0; j < isa.panels; ++j) {
        Value from = e.at(panels[j], now[0]), packed = e.load(bytes, from);
        e.prefetch(from, 2048);
        for (int64_t half = 0; half < 2; ++half) {
          Value quad = nibbles(e, packed, half);
          if (w.twoLevel) // a * q <= 240 carries nothing into the upper byte
            quad = e.bitcast(bytes, e.mul(e.bitcast(halves, quad), factor[j]));
          e.store(e.add(quad, shift[j]), e.at(now[1], j * kPanelStride + half * 64), 64);
        }
      }
      return SmallVector<Value>{e.add(now[0], 64), e.at(now[1], 128)};
    });
  });
}

/// `steps` tile steps of a block of `rowTiles` x `panels` tiles; `acc` holds row-major tiles.
SmallVector<Value> KernelBuilder::amxSteps(Emitter &e, TileUnit &unit, int64_t rowTiles, int64_t panels, Value slab,
                                           Value activations, Value tileStride, Value steps, ValueRange acc) {
  SmallVector<Value> carried{slab, activations};
  carried.append(acc.begin(), acc.end());
  auto after = e.loop(e.num(0), steps, 1, carried, [&](Value, ValueRange now) {
    SmallVector<Value> sums(now.drop_front(2)), a, next{e.at(now[0], kTileBytes), e.at(now[1], kTileBytes)};
    for (int64_t r = 0; r < rowTiles; ++r)
      a.push_back(unit.load(e, 4 + r, r ? e.at(now[1], tileStride) : now[1], 64));
    for (int64_t c = 0; c < panels; ++c) {
      Value b = unit.load(e, 6 + c % 2, e.at(now[0], c * kPanelStride), 64);
      for (int64_t r = 0; r < rowTiles; ++r)
        sums[r * panels + c] = unit.multiply(e, sums[r * panels + c], a[r], b, !w.twoLevel);
    }
    next.append(sums);
    return next;
  });
  return SmallVector<Value>(llvm::drop_begin(after, 2));
}

/// amx_integers(slab, activations, tile stride, steps, row tiles, sums): sums += a slab, for an even number of
/// row tiles (or, in the variant for one, a single one).
LLVM::LLVMFuncOp KernelBuilder::amxIntegers(int64_t rowTiles) {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("amx_integers" + Twine(rowTiles), {p, p, i64, i64, i64, p}, [&](Emitter &e, ValueRange args) {
    auto unit = tileUnit(e);
    const int64_t panels = 4 / rowTiles;
    e.loop(e.num(0), args[4], rowTiles, [&](Value tile) {
      Value a = e.at(args[1], e.mul(tile, args[2])), sums = e.at(args[5], e.mul(tile, kTileRows * kResultStride));
      e.loop(e.num(0), e.num(isa.panels), panels, [&](Value panel) {
        Value to = e.at(sums, e.mul(panel, 64));
        auto at = [&](int64_t i) {
          return e.at(to, i / panels * kTileRows * kResultStride + i % panels * 64);
        };
        SmallVector<Value> acc;
        for (int64_t i = 0; i < 4; ++i)
          acc.push_back(unit->load(e, i, at(i), kResultStride));
        Value slab = e.at(args[0], e.mul(panel, kPanelStride));
        acc = amxSteps(e, *unit, rowTiles, panels, slab, a, args[2], args[3], acc);
        for (int64_t i = 0; i < 4; ++i)
          unit->store(e, acc[i], at(i), kResultStride);
      });
    });
  });
}

/// amx_floats(slab, tails, activations, tile stride, groups, row tiles, results): results += groups of a slab.
LLVM::LLVMFuncOp KernelBuilder::amxFloats(int64_t rowTiles) {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("amx_floats" + Twine(rowTiles), {p, p, p, i64, i64, i64, p}, [&](Emitter &e, ValueRange args) {
    auto unit = tileUnit(e);
    const int64_t panels = 4 / rowTiles, rows = rowTiles * kTileRows, tempBytes = 4 * kTileBytes;
    Value temp = e.stack(2 * tempBytes); // the fold of one group overlaps with the multiplies of the next
    auto fold = [&](Value group, Value panel, Value results) {
      Value from = e.at(temp, e.mul(arith::AndIOp::create(e, group, e.num(1)), tempBytes));
      Value tails = e.at(e.at(args[1], e.mul(group, tailVectors() * 64)), e.mul(panel, 64));
      SmallVector<Value> scales;
      for (int64_t c = 0; c < panels; ++c)
        scales.push_back(e.load(floats, e.at(tails, c * 64), 64));
      e.loop(e.num(0), e.num(rows), 1, ValueRange{from, results}, [&](Value, ValueRange now) {
        for (int64_t c = 0; c < panels; ++c) {
          Value sum = e.toFloat(floats, e.load(ints, e.at(now[0], c * 64), 64)), to = e.at(now[1], c * 64);
          e.store(e.fma(sum, scales[c], e.load(floats, to, 64)), to, 64);
        }
        return SmallVector<Value>{e.at(now[0], panels * 64), e.at(now[1], kResultStride)};
      });
    };
    e.loop(e.num(0), args[5], rowTiles, [&](Value tile) {
      Value a = e.at(args[2], e.mul(tile, args[3])), rowResults = e.at(args[6], e.mul(tile, kTileRows * kResultStride));
      e.loop(e.num(0), e.num(isa.panels), panels, [&](Value panel) {
        Value results = e.at(rowResults, e.mul(panel, 64)), slab = e.at(args[0], e.mul(panel, kPanelStride));
        e.loop(e.num(0), args[4], 1, [&](Value group) {
          SmallVector<Value> acc;
          for (int64_t i = 0; i < 4; ++i)
            acc.push_back(unit->zero(e, i));
          Value k = e.mul(group, w.group * 16);
          acc = amxSteps(e, *unit, rowTiles, panels, e.at(slab, k), e.at(a, k), args[3], e.num(w.group / 64), acc);
          e.ifThen(e.less(e.num(0), group), [&] { fold(e.add(group, -1), panel, results); });
          Value to = e.at(temp, e.mul(arith::AndIOp::create(e, group, e.num(1)), tempBytes));
          for (int64_t i = 0; i < 4; ++i)
            unit->store(e, acc[i], e.at(to, i / panels * kTileRows * panels * 64 + i % panels * 64), panels * 64);
        });
        fold(e.add(args[4], -1), panel, results);
      });
    });
  });
}

/// amx_prepare(matmul, part, parts): activations as tiles [row tile][k/64][16][64], zero beyond M and K, and the
/// start values of the two-level sums.
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
      Value to = e.at(e.at(scratch, e.mul(e.mul(tile, steps), kTileBytes)), e.mul(r, 64));
      auto clear = [&](Value first) {
        e.loop(first, steps, 1, [&](Value s) { e.store(e.zeros(bytes), e.at(to, e.mul(s, kTileBytes)), 64); });
      };
      e.ifElse(
          e.less(at, m),
          [&] {
            e.loop(e.num(0), whole, 1, [&](Value s) {
              e.store(e.load(bytes, e.at(from, e.mul(s, 64))), e.at(to, e.mul(s, kTileBytes)), 64);
            });
            clear(whole);
            dwords(e.at(from, e.mul(whole, 64)), e.at(to, e.mul(whole, kTileBytes)), e.num(0),
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
    e.loop(first, last, 1, [&](Value tile) {
      e.loop(e.num(0), e.num(kTileRows), 1, [&](Value r) { row(tile, r); });
    });
  });
}

/// amx_matmul(matmul, first panel, last panel)
LLVM::LLVMFuncOp KernelBuilder::amxMatmul() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("amx_matmul", {p, i64, i64}, [&](Emitter &e, ValueRange args) {
    MatmulFields mm(e, args[0]);
    const int64_t resultBytes = kSweepTiles * kTileRows * kResultStride;
    SlabSpace space;
    space.results = e.stack(resultBytes);
    space.sums = w.group > kAmxSlabK && !w.twoLevel ? e.stack(resultBytes) : space.results;
    space.slab = e.stack(isa.panels * kPanelStride);
    space.tails = e.stack(amxGroups() * tailVectors() * 64);
    Value m = mm.m(), tiles = e.ceilDiv(m, kTileRows);
    e.loop(e.num(0), tiles, kSweepTiles, [&](Value tile) {
      Value count = e.min(e.num(kSweepTiles), e.sub(tiles, tile)), row = e.mul(tile, kTileRows);
      Value rows = e.min(e.num(kSweepTiles * kTileRows), e.sub(m, row));
      e.loop(args[1], args[2], isa.panels, [&](Value block) {
        amxSweep(e, args[0], space, tile, count, rows, blockPanels(e, args[0], block, args[2]));
        call(e, epilogue(), {args[0], space.results, row, rows, block,
                             e.min(e.num(isa.panels), e.sub(args[2], block))});
      });
    });
  });
}

/// One block of columns and up to kSweepTiles row tiles, all of K.
void KernelBuilder::amxSweep(Emitter &e, Value matmul, const SlabSpace &space, Value tile, Value tiles, Value rows,
                             ValueRange panels) {
  MatmulFields mm(e, matmul);
  Value groups = mm.groups(), steps = e.ceilDiv(e.mul(groups, w.group), 64), tileStride = e.mul(steps, kTileBytes);
  Value activations = e.at(mm.scratch(), e.mul(tile, tileStride));
  Value pairs = e.mul(e.div(tiles, e.num(2)), 2);
  auto withPanels = [&](ArrayRef<Value> more) {
    SmallVector<Value> arguments(panels);
    arguments.append(more.begin(), more.end());
    return arguments;
  };
  auto clear = [&](Value memory) {
    e.loop(e.num(0), e.mul(tiles, kTileRows * kResultStride), 64,
           [&](Value i) { e.store(e.zeros(ints), e.at(memory, i), 64); });
  };
  // fn(row tiles a block, first row tile, how many) for the pairs and for a last single tile
  auto forBlocks = [&](llvm::function_ref<void(int64_t, Value, Value)> fn) {
    fn(2, e.num(0), pairs);
    e.ifThen(e.less(pairs, tiles), [&] { fn(1, pairs, e.num(1)); });
  };
  auto integers = [&](Value k, Value length) { // k, length: channels of the padded stream
    forBlocks([&](int64_t rowTiles, Value first, Value count) {
      Value a = e.at(e.at(activations, e.mul(first, tileStride)), e.mul(k, 16));
      call(e, amxIntegers(rowTiles), {space.slab, a, tileStride, e.ceilDiv(length, 64), count,
                                      e.at(space.sums, e.mul(first, kTileRows * kResultStride))});
    });
  };

  clear(space.results);
  if (w.twoLevel)
    call(e, start(), {space.tails, e.at(startValues(e, mm), e.mul(tile, kTileRows * 4)), rows, space.sums});
  if (w.group > kAmxSlabK)
    return e.loop(e.num(0), groups, 1, [&](Value g) {
      Value at = e.mul(g, w.groupBytes), tail = e.add(at, w.tail);
      if (!w.twoLevel) {
        clear(space.sums);
        call(e, tails(), withPanels({tail, space.tails}));
      }
      e.loop(e.num(0), e.num(w.group), kAmxSlabK, [&](Value k) {
        Value length = e.min(e.num(kAmxSlabK), e.sub(e.num(w.group), k));
        call(e, amxUnpack(), withPanels({e.add(at, e.mul(k, 8)), tail, e.div(length, e.num(8)), space.slab}));
        integers(e.add(e.mul(g, w.group), k), length);
      });
      if (!w.twoLevel)
        call(e, fold(), {space.tails, rows, space.sums, space.results});
    });
  e.loop(e.num(0), groups, amxGroups(), [&](Value g0) {
    Value inSlab = e.min(e.num(amxGroups()), e.sub(groups, g0)), k = e.mul(g0, w.group);
    e.loop(e.num(0), inSlab, 1, [&](Value i) {
      Value at = e.mul(e.add(g0, i), w.groupBytes), tail = e.add(at, w.tail);
      call(e, amxUnpack(), withPanels({at, tail, e.num(w.group / 8), e.at(space.slab, e.mul(i, w.group * 16))}));
      if (!w.twoLevel)
        call(e, tails(), withPanels({tail, e.at(space.tails, e.mul(i, tailVectors() * 64))}));
    });
    if (w.twoLevel)
      return integers(k, e.mul(inSlab, w.group));
    forBlocks([&](int64_t rowTiles, Value first, Value count) {
      Value a = e.at(e.at(activations, e.mul(first, tileStride)), e.mul(k, 16));
      call(e, amxFloats(rowTiles), {space.slab, space.tails, a, tileStride, inSlab, count,
                                    e.at(space.results, e.mul(first, kTileRows * kResultStride))});
    });
  });
}
