//===- AmxSlab.cpp - weights and activations as tiles ---------------------===//
#include "Amx.h"
#include "MatmulFields.h"
#include <numeric>

using namespace mlir;
using namespace mlir::fptq::x86;

// Two panels: 16 KiB; the slab in use and the next one fill two thirds of L1. Half of it where group sums and floats
// want room too.
static constexpr int64_t kIntegerSlabK = 512, kFloatSlabK = 256;

/// Sums of two groups wait to be folded, and those of two more are made: 16 KiB of L1.
int64_t KernelBuilder::amxChunk() const { return 2; }
int64_t KernelBuilder::amxChunkBytes() const { return amxChunk() * 4 * kTileBytes; }

/// Sums that stay integers over a slab: of the two-level scheme, and of groups longer than slabs.
bool KernelBuilder::amxKeepsIntegers() const { return w.twoLevel || w.group > kIntegerSlabK; }

/// A unit of 64 channels is whole groups, or a piece of one.
bool KernelBuilder::unpacksInUnits() const { return w.group % 64 == 0 || 64 % w.group == 0; }

int64_t KernelBuilder::amxUnitK() const { return unpacksInUnits() ? 64 : w.group; }

/// Channels of a slab: whole tiles and units, and whole chunks where groups are folded.
int64_t KernelBuilder::amxSlabK() const {
  int64_t unit = std::lcm<int64_t>(amxUnitK(), 64);
  if (!amxKeepsIntegers())
    unit = std::lcm(unit, amxChunk() * w.group);
  return std::max<int64_t>(1, (amxKeepsIntegers() ? kIntegerSlabK : kFloatSlabK) / unit) * unit;
}

/// Group sums need a group to be whole tiles, or half of one; slabs have to stay in L1.
bool KernelBuilder::hasAmx() const {
  if (!isa.amx || amxSlabK() > 2 * kIntegerSlabK)
    return false;
  return w.twoLevel || w.group % 64 == 0 || w.group == 32;
}

/// Unit `unit` of all of K, two panels, as unit `inSlab` of a slab of signed bytes: a * q + b - 128 in the two-level
/// scheme, q - z in the group scheme.
void KernelBuilder::unpackUnit(Emitter &e, ValueRange panels, Value groups, Value unit, Value inSlab, Value slab) {
  VectorType halves = e.vec(32, e.getI16Type());
  const int64_t unitK = amxUnitK(), groupsInUnit = std::max<int64_t>(1, unitK / w.group);
  const int64_t unitsInGroup = std::max<int64_t>(1, w.group / unitK), octets = std::min(unitK, w.group) / 8;
  Value group = e.div(e.mul(unit, groupsInUnit), e.num(unitsInGroup));
  Value piece = e.sub(unit, e.mul(e.div(unit, e.num(unitsInGroup)), unitsInGroup));
  for (int64_t g = 0; g < groupsInUnit; ++g) {
    // The last unit may lack groups. Activations are zero there, so any weights do.
    Value at = e.mul(g ? e.min(e.add(group, g), e.add(groups, -1)) : group, w.groupBytes);
    for (int64_t j = 0; j < 2; ++j) {
      Value panel = e.at(panels[j], at), tail = e.at(panel, w.tail), multiplier, shift = e.splat(bytes, -8);
      if (w.twoLevel)
        multiplier = e.bitcast(halves, e.mul(loadTail(e, Tail::Multiplier, tail, 0), e.splat(ints, 0x10001)));
      if (w.twoLevel || !w.symmetric)
        shift = e.bitcast(bytes, e.mul(loadTail(e, Tail::Zero, tail, 0), e.splat(ints, 0x1010101)));
      if (w.twoLevel)
        shift = arith::XOrIOp::create(e, shift, e.splat(bytes, -128)); // b - 128
      else if (!w.symmetric)
        shift = e.sub(e.zeros(bytes), shift);
      auto octet = [&](Value from, Value to, bool prefetch) {
        Value packed = e.load(bytes, from);
        // The same panels come up again when the other half of the block had its turn. Lines come in pairs.
        if (prefetch)
          e.prefetch(from, amxSlabK() / 8 * 64, /*locality=*/2);
        for (int64_t half = 0; half < 2; ++half) {
          Value quad = nibbles(e, packed, half);
          if (w.twoLevel) // a * q <= 240 carries nothing into the upper byte
            quad = e.bitcast(bytes, e.mul(e.bitcast(halves, quad), multiplier));
          e.store(e.add(quad, shift), e.at(to, half * 64), 64);
        }
      };
      Value nibblesFrom = e.at(panel, e.mul(piece, octets * 64)), to = e.at(slab, j * kTileBytes);
      if (unpacksInUnits()) {
        Value step = e.at(to, e.mul(inSlab, kStep));
        for (int64_t o = 0; o < octets; ++o)
          octet(e.at(nibblesFrom, o * 64), e.at(step, (g * octets + o) * 128), o % 2 == 0);
        continue;
      }
      e.loop(e.num(0), e.num(octets), 1, [&](Value o) {
        Value all = e.add(e.mul(inSlab, octets), o), step = e.mul(e.div(all, e.num(8)), kStep);
        Value inTile = e.mul(arith::AndIOp::create(e, all, e.num(7)), 128);
        octet(e.at(nibblesFrom, e.mul(o, 64)), e.at(to, e.add(step, inTile)), true);
      });
    }
  }
}

/// amx_fill(slab): all units of a slab by itself.
LLVM::LLVMFuncOp KernelBuilder::amxFill() {
  Type p = LLVM::LLVMPointerType::get(module.getContext());
  return function("amx_fill", {p}, [&](Emitter &e, ValueRange args) {
    NextSlab slab{e, args[0]};
    Value panels[] = {slab.get(NextSlab::Panel0), slab.get(NextSlab::Panel1)};
    Value groups = slab.get(NextSlab::Groups), first = slab.get(NextSlab::FirstUnit);
    e.loop(e.num(0), slab.get(NextSlab::Units), 1,
           [&](Value unit) { unpackUnit(e, panels, groups, e.add(first, unit), unit, slab.get(NextSlab::Place)); });
  });
}

/// amx_prepare(matmul, part, parts): activations as tiles, zero beyond M and K.
LLVM::LLVMFuncOp KernelBuilder::amxPrepare() {
  Builder b(module.getContext());
  Type p = LLVM::LLVMPointerType::get(b.getContext()), i64 = b.getI64Type();
  return function("amx_prepare", {p, i64, i64}, [&](Emitter &e, ValueRange args) {
    MatmulFields mm(e, args[0]);
    Value m = mm.m(), groups = mm.groups(), rowBytes = e.mul(groups, w.group), q = mm.q(), qStride = mm.qStride();
    Value steps = e.ceilDiv(rowBytes, 64), whole = e.div(rowBytes, e.num(64)), tiles = e.mul(e.ceilDiv(m, 32), 2);
    Value scratch = mm.scratch();
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
          },
          [&] { clear(e.num(0)); });
    };
    Value first = e.div(e.mul(tiles, args[1]), args[2]), last = e.div(e.mul(tiles, e.add(args[1], 1)), args[2]);
    e.loop(first, last, 1, [&](Value tile) { e.loop(e.num(0), e.num(kTileRows), 1, [&](Value r) { row(tile, r); }); });
  });
}
