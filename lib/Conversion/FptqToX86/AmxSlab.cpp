//===- AmxSlab.cpp - weights and activations as tiles ---------------------===//
#include "Amx.h"
#include "MatmulFields.h"
#include <numeric>

using namespace mlir;
using namespace mlir::fptq::x86;

// A slab is 16 KiB of bytes, or about that, with which a pair's activations, sums or results and group sums stay in L1
// from pair to pair. Where sums are integers, 512 channels of half of the columns: what they cost is loading and
// storing sums once a slab. Where groups are folded anyway, 256 channels of both halves, which then share a pair's
// activations, unless chunks of two groups are longer. So few pairs that all of theirs stay in L1 have 256 channels of
// one half after the other.
static constexpr int64_t kIntegerSlabK = 512, kBothHalvesSlabK = 256, kFewPairsSlabK = 256, kFewPairs = 2;
static constexpr int64_t kMaxSlabK = 1024;

/// Sums that stay integers over a slab: of the two-level scheme, and of long groups.
bool AmxKernels::keepsIntegers() const { return w.twoLevel || w.group > kBothHalvesSlabK; }

/// A unit of 64 channels is whole groups, or a piece of one.
bool AmxKernels::unpacksInUnits() const { return w.group % 64 == 0 || 64 % w.group == 0; }

int64_t AmxKernels::unitK() const { return unpacksInUnits() ? 64 : w.group; }

/// Channels of a slab: whole tiles and units, and whole chunks where groups are folded.
int64_t AmxKernels::slabK() const {
  int64_t unit = std::lcm<int64_t>(unitK(), 64);
  if (!keepsIntegers())
    unit = std::lcm(unit, 2 * w.group);
  return std::max<int64_t>(1, (keepsIntegers() ? kIntegerSlabK : kBothHalvesSlabK) / unit) * unit;
}

/// The halves of a block have slabs of their own, however many pairs there are.
bool AmxKernels::halvesTakeTurns() const { return slabK() > kBothHalvesSlabK; }

int64_t AmxKernels::halfSlabBytes() const { return slabK() / 64 * kStep; }

/// Where the first or second half of a slab is.
Value AmxKernels::placeOf(Emitter &e, const Sweep &sweep, Value i) const {
  return e.at(e.at(sweep.space, kAmxSlab), e.mul(i, halfSlabBytes()));
}

/// Tile steps of a group.
int64_t AmxKernels::groupSteps() const { return std::max<int64_t>(1, w.group / 64); }

/// From one group to the next, in a slab or in packed activations; groups of 32 share a step.
int64_t AmxKernels::groupBytes() const { return w.group * kStep / 64; }

/// Of group sums and scales, behind the slab.
int64_t AmxKernels::foldOffset() const { return kAmxSlab + (halvesTakeTurns() ? 1 : 2) * halfSlabBytes(); }

int64_t AmxKernels::spaceBytes() const {
  return keepsIntegers() ? foldOffset() : foldOffset() + 8 * kTileBytes + 2 * slabK() / w.group * kResultStride;
}

/// Group sums need a group to be whole tiles, or half of one; slabs have to stay in L1.
bool AmxKernels::serves() const {
  if (!isa.amx || slabK() > kMaxSlabK)
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
        if (j == 0) // octets are two lines
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

/// A unit of the next slab, where one is due: the tiles that its place held are loaded.
void AmxKernels::unpackDue(Emitter &e, const NextSlab &next, Value unit) {
  if (!unpacksInUnits())
    return;
  using Field = NextSlab::Field;
  e.ifThen(e.less(unit, next.get(Field::Units)), [&] {
    unpackUnit(e, next.pointer(Field::Panels), next.get(Field::Groups), e.add(next.get(Field::FirstUnit), unit), unit,
               next.pointer(Field::Place));
  });
}

static Value panelsOf(Emitter &e, ArrayRef<Value> panels, Value half) {
  return e.select(e.equal(half, e.num(1)), panels[1], panels[0]);
}

/// Units [first, last) of all of K, slab by slab: `multiply` unpacks the one behind it.
void AmxKernels::eachSlab(Emitter &e, const Sweep &sweep, Value first, Value last,
                          llvm::function_ref<void(const Slab &slab, const Slab &after)> multiply) {
  Value few = e.less(sweep.pairs, e.num(kFewPairs + 1)), inSlab = e.num(slabK() / unitK());
  if (keepsIntegers() && unpacksInUnits())
    inSlab = e.select(few, e.num(kFewPairsSlabK / unitK()), inSlab);
  Value turns = halvesTakeTurns() ? e.num(2) : e.select(few, e.num(2), e.num(1));
  auto slabOf = [&](Value turn) {
    Value number = e.div(turn, turns), unit = e.add(first, e.mul(number, inSlab));
    Value units = e.min(inSlab, arith::MaxSIOp::create(e, e.sub(last, unit), e.num(0)));
    return Slab{number, unit, units, e.sub(turn, e.mul(number, turns)), e.sub(e.num(3), turns)};
  };
  auto fill = [&](const Slab &slab) {
    e.loop(e.num(0), slab.halves, 1, [&](Value i) {
      Value panels = panelsOf(e, sweep.panels, e.add(slab.firstHalf, i)), place = placeOf(e, sweep, i);
      e.loop(e.num(0), slab.units, 1,
             [&](Value unit) { unpackUnit(e, panels, sweep.groups, e.add(slab.first, unit), unit, place); });
    });
  };
  fill(slabOf(e.num(0)));
  Value slabs = e.div(e.add(e.sub(last, first), e.add(inSlab, -1)), inSlab);
  e.loop(e.num(0), e.mul(slabs, turns), 1, [&](Value turn) {
    Slab after = slabOf(e.add(turn, 1));
    multiply(slabOf(turn), after);
    if (!unpacksInUnits())
      fill(after);
  });
}

/// A slab pair by pair: all of them read its weights from L1, and its halves a pair's activations. `results`: those
/// of the sweep.
void AmxKernels::eachBlock(Emitter &e, const Sweep &sweep, const Slab &slab, const Slab &after, Value results,
                           llvm::function_ref<void(const Block &)> multiply) {
  Value step = e.div(e.mul(slab.first, unitK()), e.num(64)), last = e.add(sweep.pairs, -1);
  Value activations = e.at(sweep.activations, e.mul(step, kStep));
  e.loop(e.num(0), sweep.pairs, 1, ValueRange{activations, results}, [&](Value pair, ValueRange now) {
    Value due = e.select(e.equal(pair, last), after.units, e.num(0));
    e.loop(e.num(0), slab.halves, 1, [&](Value i) {
      sweep.next.set(NextSlab::Field::Panels, panelsOf(e, sweep.panels, e.add(after.firstHalf, i)));
      Value half = e.add(slab.firstHalf, i);
      multiply({placeOf(e, sweep, i), now[0], e.at(now[1], e.mul(half, kHalfBytes)), half, due});
    });
    return SmallVector<Value>{e.at(now[0], sweep.stride), e.at(now[1], kPairRows * kResultStride)};
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
