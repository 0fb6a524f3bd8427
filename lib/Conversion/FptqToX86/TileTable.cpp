//===- TileTable.cpp - vectors and tile shapes of each tier ---------------===//
//
// Data with reasons. Figures are measured on the machines of docs/Performance.md.
//
//===----------------------------------------------------------------------===//
#include "TileTable.h"

#include "llvm/Support/MathExtras.h"
#include <initializer_list>

using namespace mlir::fptq;
using namespace mlir::fptq::x86;

const Isa &x86::avx2Isa() {
  // 6 rows x 2 vectors of sums, 2 weights, 1 activation and 1 product fill the 16 registers: a panel, half of a block.
  static const Isa isa{"avx2", 8, 2, true, false, 512, false, "x86-64-v3", "", ""};
  return isa;
}

const Isa &x86::avxVnniIsa() {
  // The block of avx2: 6 rows x 2 vectors of sums, 2 weights and 1 activation, and no product beside the sum.
  static const Isa isa{"avxvnni", 8, 2, false, false, 512, false, "x86-64-v3", "", "+avxvnni,+fast-dpwssd"};
  return isa;
}

/// Four panels: a broadcast activation serves four dots (folded into one as a memory operand it runs at 73 % on Intel's
/// servers). Tuned as for cascadelake, the 6 x 4 tile spills. A product and a sum are one instruction, which LLVM has
/// for Zen 4 by itself: ends of two-level groups. Emerald Rapids, groups of 32, M = 4: 1.05 times as fast, on
/// avxvnni 1.04 times.
static Isa vnniIsa(llvm::StringRef name, bool sharedPorts) {
  return {name, 16, 4, false, sharedPorts, 256, false, "x86-64-v4", "sapphirerapids", "+avx512vnni,+fast-dpwssd"};
}

const Isa &x86::avx512VnniIsa() {
  static const Isa isa = vnniIsa("avx512vnni", /*sharedPorts=*/true);
  return isa;
}

const Isa &x86::avx512VnniZenIsa() {
  static const Isa isa = vnniIsa("avx512vnni-zen", /*sharedPorts=*/false);
  return isa;
}

const Isa &x86::amxInt8Isa() {
  static const Isa isa = [] {
    Isa isa = vnniIsa("amx-int8", /*sharedPorts=*/true);
    isa.amx = true;
    isa.features = "+avx512vnni,+fast-dpwssd,+amx-tile,+amx-int8";
    return isa;
  }();
  return isa;
}

static constexpr int64_t kFullTileRows = 6, kShortGroup = 64, kShortTileRows = 3, kDirectRows = 18;

int64_t x86::directMaxRows(const Isa &isa, bool twoLevel, int64_t group) {
  // A slab costs writing it and reading it back, as much as unpacking three times in registers on AVX2, and where
  // unpacking has ports beside the dots'. Zen 4, M = 16: 0.92 of the peak against 0.84 in groups of 128, 0.89 against
  // 0.80 two-level. Where the ports are shared a second tile pays for unpacking again. Emerald Rapids: groups of 128, 7
  // and 8 rows 1.2 times, 9 to 18 rows 1.1 times as fast by slabs, groups of 32 1.3 times from 7 rows on; slabs of
  // finished weights cost more and win from 13 rows on in groups of 128, from 7 in groups of 32.
  if (isa.sharedPorts)
    return twoLevel && group >= kShortGroup ? 2 * kFullTileRows : kFullTileRows;
  // The two-level scheme's short groups cost a multiplication and additions for eight dots, which slabs of finished
  // bytes spare, unless direct kernels finish them as well.
  return twoLevel && !isa.pairSums && group < kShortGroup && !finishesDirectly(isa, twoLevel, group) ? 8 : kDirectRows;
}

bool x86::finishesDirectly(const Isa &isa, bool twoLevel, int64_t group) {
  // Ending a group costs each row a product and two sums; finishing 128 weights of it as much, however many rows. Zen
  // 4, groups of 32: 3 rows 311 us for 290, 4 rows 381 for 376, 6 rows 532 for 608, 7 (tiles of 4 and 3) 689 for 664;
  // 12 rows 1063 for 1142 by slabs, 18 rows 1621 for 1628. Longer groups end too seldom.
  // Emerald Rapids: 5 and 6 rows 1.1 times as fast.
  return isa.lanes == 16 && twoLevel && group < kShortGroup;
}

int64_t x86::amxMinRows(bool twoLevel, int64_t group) {
  // 32 rows cost AMX the same as one, of 4096 x 4096 by the model of benchmark/static_cost/core.py (times 1.1, which it
  // is too fast, at 2.76 GHz): 450 us two-level, 580 us in groups of 128, 1260 us in groups of 32, whose tiles are half
  // full. VNNI took 573 us for 8 rows, 860 us for 12 and 1120 us for 16; groups of 32 take it a quarter more. Too low
  // these numbers cost a few percent at these M; too high, one row more on AMX would be faster.
  return twoLevel ? 7 : group % 64 ? 18 : 10;
}

int64_t x86::tileRows(const Isa &isa, bool twoLevel, int64_t group) {
  // 6 x 4 zmm sums + 4 weights + 1 activation; 6 x 2 ymm sums + 2 weights + 1 activation + 1 product. Short groups of
  // floats are folded so often that loads and stores of results count: 3 x 4 sums + 3 x 4 results + 4 + 1 registers
  // spare them (group 32, Zen 4, M = 64: 0.79 of the peak against 0.70).
  // On shared ports such tiles pay twice as much for unpacking (Emerald Rapids, M = 6: 0.38 against 0.52).
  return isa.lanes == 16 && !isa.sharedPorts && !twoLevel && group <= kShortGroup ? kShortTileRows : kFullTileRows;
}

int64_t x86::minTileHeight(const Isa &isa, bool twoLevel, int64_t group, int64_t rows) {
  const int64_t full = tileRows(isa, twoLevel, group);
  int64_t least = full;
  for (int64_t m = rows + 1; m <= rows + full * full; ++m)
    least = std::min<int64_t>(least, m / llvm::divideCeil(m, full));
  return least;
}

/// The longest of `lengths` that divides `depth`, itself a multiple of 8.
static int64_t longestDivisor(int64_t depth, std::initializer_list<int64_t> lengths) {
  for (int64_t length : lengths)
    if (depth % length == 0)
      return length;
  return 8;
}

/// VNNI: 32 k a body, but two bodies a group at least where a fold follows: a body that held it too would spill. Of 16
/// registers none is left for a load that a longer body lets the scheduler lift.
static int64_t vnniBody(const Isa &isa, int64_t depth, bool folds) {
  if (isa.lanes == 8)
    return longestDivisor(depth, {16});
  return !folds || depth % 64 == 0 ? longestDivisor(depth, {32, 24, 16}) : longestDivisor(depth, {16, 24});
}

/// Sums and results of three rows beside each other, where groups are short enough for that to pay.
static bool resultsFit(const Isa &isa, int64_t rows, int64_t depth) {
  return isa.lanes == 16 && rows <= kShortTileRows && depth <= kShortGroup;
}

/// One to four rows where hardware follows one stream best: pair by pair, the order of memory. Zen 4, pages of 2 MiB,
/// weights from memory: one row is as fast as a plain read loop, where four panels of four streams reached 0.6 to 0.8
/// of it, and every software prefetch tried (512 to 8192 bytes ahead, the next block in either order, all cache levels)
/// cost 5 to 50 %. Three and four rows are slow enough for it: 1.1 to 1.3 times as fast from memory, level from L3.
/// Results stay in registers, so that four rows reach 0.88 of the dots' peak in groups of 32, four panels at once 0.70.
/// One or two rows have two sums for each half of the nibbles where groups are long: dots wait for each other else
/// (M = 2: 156 us for 158). Sums that begin at the bits of a float, which saves the conversion, were no faster.
static TileShape streamShape(int64_t rows, int64_t depth) {
  const bool few = rows <= 2;
  return {rows,
          /*panels=*/2,
          few ? longestDivisor(depth, {32, 24, 16}) : longestDivisor(depth, {16}),
          /*accInRegisters=*/true,
          /*highInPlace=*/few && 16 * rows <= depth, // else a shift of the weights costs less than one of the sums
          /*reloadNibbles=*/rows == 2 && depth < 128,
          /*prefetchBytes=*/few ? 0 : 4096,
          /*chains=*/few && depth >= 128 ? 2 : 1};
}

/// All panels of a block at once, or in turns where registers are few.
static TileShape blockShape(const Isa &isa, int64_t rows, int64_t depth) {
  TileShape s{rows, isa.lanes == 16 || rows <= 2 ? isa.panels : 1, 0, rows == 1, false, false, 0};
  if (isa.pairSums) {
    // Longer bodies than 8 k let the scheduler lift loads and spill them; one or two rows have registers to spare.
    s.bodyK = rows <= 2 ? longestDivisor(depth, {16}) : 8;
    s.reloadNibbles = rows == 2 || rows >= 5;
    // Zen 4, pages of 2 MiB, weights from memory: one or two rows do not mind; of four, 4096 makes 559 us of 642.
    s.prefetchBytes = rows <= 2 ? 512 : 4096;
    return s;
  }
  s.bodyK = vnniBody(isa, depth, /*folds=*/rows > 2);
  s.accInRegisters = rows == 1 || (rows == 2 && isa.lanes == 16 && depth > 32);
  s.reloadNibbles = rows >= 5 || (rows == 2 && isa.lanes == 8);
  s.highInPlace =
      rows <= (isa.lanes == 16 ? 2 : 1); // two operations for 64 bytes instead of three, and twice the chains
  // Emerald Rapids, pages of 2 MiB, from memory: one and two rows 1.3 and 1.5 times as fast as by streamShape, and as a
  // plain read loop; 0.85 to 0.95 of that with 1024 bytes, two panels or the next block instead of what lies ahead.
  s.prefetchBytes = 2048;
  return s;
}

TileShape x86::directShape(const Isa &isa, int64_t rows, int64_t depth) {
  bool stream = isa.lanes == 16 && !isa.sharedPorts && rows <= 4;
  return stream ? streamShape(rows, depth) : blockShape(isa, rows, depth);
}

TileShape x86::finishShape(int64_t rows, int64_t depth) {
  TileShape s = streamShape(rows, depth);
  s.finishes = true;
  return s;
}

TileShape x86::firstShape(const Isa &isa, int64_t rows, int64_t depth) {
  TileShape s = blockShape(isa, rows, depth);
  s.highInPlace = false; // the slab holds nibbles
  s.accInRegisters = resultsFit(isa, rows, depth);
  s.reloadNibbles |= s.accInRegisters;
  return s;
}

TileShape x86::slabShape(const Isa &isa, int64_t rows, int64_t depth, bool folds) {
  const bool inRegisters = folds && resultsFit(isa, rows, depth);
  TileShape s{rows, isa.lanes == 16 ? isa.panels : 1, 0, inRegisters, false, false, 0};
  if (isa.pairSums)
    s.bodyK = 8;
  else if (isa.lanes == 8 || folds)
    s.bodyK = vnniBody(isa, depth, folds);
  else
    s.bodyK = longestDivisor(depth, {64, 32, 24, 16}); // registers to spare, and nothing behind it
  // Unpacking waits for L3 else, while the tiles that follow leave it alone. Emerald Rapids: 1.03 times as fast at M =
  // 64, 1.01 at 252; no difference on tier avx2, whose dots take four times as long.
  s.prefetchNextSlab = isa.lanes == 16;
  return s;
}
