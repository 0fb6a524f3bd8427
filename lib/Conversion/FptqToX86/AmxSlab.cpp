//===- AmxSlab.cpp - weights and activations as tiles ---------------------===//
#include "Amx.h"
#include "MatmulFields.h"
#include <numeric>

using namespace mlir;
using namespace mlir::fptq::x86;

// Two panels: 16 KiB; the slab in use and the next one fill two thirds of L1. Half of it where group sums and floats
// want room too, and where there are so few rows that activations and sums stay in L1 besides.
static constexpr int64_t kIntegerSlabK = 512, kFloatSlabK = 256, kFewRowsSlabK = 256, kFewPairs = 2;

/// Sums that stay integers over a slab: of the two-level scheme, and of groups longer than slabs.
bool AmxKernels::keepsIntegers() const { return w.twoLevel || w.group > kIntegerSlabK; }

/// A unit of 64 channels is whole groups, or a piece of one.
bool AmxKernels::unpacksInUnits() const { return w.group % 64 == 0 || 64 % w.group == 0; }

int64_t AmxKernels::unitK() const { return unpacksInUnits() ? 64 : w.group; }

/// Channels of a slab: whole tiles and units, and whole chunks where groups are folded.
int64_t AmxKernels::slabK() const {
  int64_t unit = std::lcm<int64_t>(unitK(), 64);
  if (!keepsIntegers())
    unit = std::lcm(unit, 2 * w.group);
  return std::max<int64_t>(1, (keepsIntegers() ? kIntegerSlabK : kFloatSlabK) / unit) * unit;
}

/// Tile steps of a group.
int64_t AmxKernels::groupSteps() const { return std::max<int64_t>(1, w.group / 64); }

/// From one group to the next, in a slab or in packed activations; groups of 32 share a step.
int64_t AmxKernels::groupBytes() const { return w.group * kStep / 64; }

int64_t AmxKernels::spaceBytes() const {
  const int64_t slabs = kAmxSlabs + 2 * slabK() / 64 * kStep;
  return keepsIntegers() ? slabs : slabs + 8 * kTileBytes + 2 * slabK() / w.group * kResultStride;
}

/// Group sums need a group to be whole tiles, or half of one; slabs have to stay in L1.
bool AmxKernels::serves() const {
  if (!isa.amx || slabK() > 2 * kIntegerSlabK)
    return false;
  return w.twoLevel || w.group % 64 == 0 || w.group == 32;
}

/// Unit `unit` of all of K, a pair of panels, as unit `inSlab` of a slab of signed bytes: a * q + b - 128 in the
/// two-level scheme, q - z in the group scheme.
void AmxKernels::unpackUnit(Emitter &e, Value panels, Value groups, Value unit, Value inSlab, Value slab) {
  const int64_t channels = unitK(), groupsInUnit = std::max<int64_t>(1, channels / w.group);
  const int64_t unitsInGroup = std::max<int64_t>(1, w.group / channels), octets = std::min(channels, w.group) / 8;
  Value group = e.div(e.mul(unit, groupsInUnit), e.num(unitsInGroup));
  Value piece = e.sub(unit, e.mul(e.div(unit, e.num(unitsInGroup)), unitsInGroup));
  for (int64_t g = 0; g < groupsInUnit; ++g) {
    // The last unit may lack groups. Activations are zero there, so any weights do.
    Value at = e.mul(g ? e.min(e.add(group, g), e.add(groups, -1)) : group, w.groupBytes);
    for (int64_t j = 0; j < 2; ++j) {
      Value tail = panelTail(e, panels, at, j);
      Finish finish{Value(), e.splat(bytes, -8)};
      if (w.twoLevel || !w.symmetric)
        finish = loadFinish(e, tail, 0);
      if (w.twoLevel)
        finish.offset = arith::XOrIOp::create(e, finish.offset, e.splat(bytes, -128)); // b - 128
      else if (!w.symmetric)
        finish.offset = e.sub(e.zeros(bytes), finish.offset);
      auto octet = [&](Value from, Value to) {
        Value packed = e.load(bytes, from);
        // The same panels come up again when the other half of the block had its turn. Octets are two lines.
        if (j == 0)
          e.prefetch(from, slabK() / 8 * kPairOctetBytes, /*locality=*/2);
        for (int64_t half = 0; half < 2; ++half)
          e.store(finished(e, nibbles(e, packed, half), finish), e.at(to, half * 64), 64);
      };
      Value nibblesFrom = e.at(e.at(e.at(panels, at), j * kOctetBytes), e.mul(piece, octets * kPairOctetBytes));
      Value to = e.at(slab, j * kTileBytes);
      if (unpacksInUnits()) {
        Value step = e.at(to, e.mul(inSlab, kStep));
        for (int64_t o = 0; o < octets; ++o)
          octet(e.at(nibblesFrom, o * kPairOctetBytes), e.at(step, (g * octets + o) * 128));
        continue;
      }
      e.loop(e.num(0), e.num(octets), 1, [&](Value o) {
        Value all = e.add(e.mul(inSlab, octets), o), step = e.mul(e.div(all, e.num(8)), kStep);
        Value inTile = e.mul(arith::AndIOp::create(e, all, e.num(7)), 128);
        octet(e.at(nibblesFrom, e.mul(o, kPairOctetBytes)), e.at(to, e.add(step, inTile)));
      });
    }
  }
}

/// Units [first, last) of all of K, slab by slab. The two halves of the block take turns, so that the slab that all
/// row tiles share stays in L1: `multiply` is called for each half of each slab, and unpacks the one behind it.
void AmxKernels::eachTurn(Emitter &e, const Sweep &sweep, Value first, Value last,
                          llvm::function_ref<void(const Turn &)> multiply) {
  const int64_t whole = slabK() / unitK(), slabBytes = slabK() / 64 * kStep;
  Value inSlab = e.num(whole);
  if (keepsIntegers() && unpacksInUnits())
    inSlab = e.select(e.less(sweep.pairs, e.num(kFewPairs + 1)), e.num(kFewRowsSlabK / unitK()), inSlab);
  auto turnOf = [&](Value turn) {
    Turn t;
    t.slab = e.div(turn, e.num(2));
    t.half = arith::AndIOp::create(e, turn, e.num(1));
    t.first = e.add(first, e.mul(t.slab, inSlab));
    t.units = e.min(inSlab, arith::MaxSIOp::create(e, e.sub(last, t.first), e.num(0)));
    t.data = e.at(sweep.space, e.add(e.mul(t.half, slabBytes), kAmxSlabs));
    return t;
  };
  auto panelsOf = [&](const Turn &t) { return e.select(e.equal(t.half, e.num(1)), sweep.panels[1], sweep.panels[0]); };
  auto describe = [&](const Turn &t) {
    using Field = NextSlab::Field;
    const NextSlab &next = sweep.next;
    next.set(Field::Panels, panelsOf(t));
    next.set(Field::Groups, sweep.groups);
    next.set(Field::FirstUnit, t.first);
    next.set(Field::Units, t.units);
    next.set(Field::Place, t.data);
    next.set(Field::Done, e.num(0));
  };
  auto fill = [&](const Turn &t) {
    Value panels = panelsOf(t);
    e.loop(e.num(0), t.units, 1,
           [&](Value unit) { unpackUnit(e, panels, sweep.groups, e.add(t.first, unit), unit, t.data); });
  };
  fill(turnOf(e.num(0)));
  Value turns = e.mul(e.div(e.add(e.sub(last, first), e.add(inSlab, -1)), inSlab), 2);
  e.loop(e.num(0), turns, 1, [&](Value turn) {
    Turn after = turnOf(e.add(turn, 1));
    describe(after);
    multiply(turnOf(turn));
    if (!unpacksInUnits())
      fill(after);
  });
}

/// amx_prepare(matmul, part, parts): activations as tiles, zero beyond M and K.
LLVM::LLVMFuncOp AmxKernels::prepare() {
  return function("amx_prepare", {ptr, i64, i64}, [&](Emitter &e, ValueRange args) {
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
