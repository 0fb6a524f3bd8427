//===- TileTable.cpp - vectors and tile shapes of each tier ---------------===//
//
// Data with reasons. Figures are measured on the machines of docs/Performance.md.
//
//===----------------------------------------------------------------------===//
#include "TileTable.h"

#include <initializer_list>

using namespace mlir::fptq;
using namespace mlir::fptq::x86;

const Isa &x86::avx2Isa() {
  // One panel: 6 rows x 2 vectors of sums, 2 weights, 1 activation and 1 product fill the 16 registers. Nibbles are
  // unpacked in registers up to 18 rows: writing a slab and reading it back costs more than unpacking three times.
  static const Isa isa{"avx2", 8, 1, true, 6, 18, 0, "x86-64-v3", "", ""};
  return isa;
}

const Isa &x86::avx512VnniIsa() {
  // Four panels: a broadcast activation serves four dots (folded into one as a memory operand it runs at 73 %), and
  // four streams are what the prefetchers of servers like best. Tuned as for cascadelake, the 6 x 4 tile spills.
  static const Isa isa{"avx512vnni", 16, 4, false, 4, 4, 0, "x86-64-v4", "sapphirerapids", "+avx512vnni"};
  return isa;
}

const Isa &x86::amxInt8Isa() {
  static const Isa isa{"amx-int8", 16, 4, false, 4, 4, 16, "x86-64-v4", "sapphirerapids",
                       "+avx512vnni,+amx-tile,+amx-int8"};
  return isa;
}

/// The longest of `lengths` that divides `depth`, itself a multiple of 8.
static int64_t longestDivisor(int64_t depth, std::initializer_list<int64_t> lengths) {
  for (int64_t length : lengths)
    if (depth % length == 0)
      return length;
  return 8;
}

TileShape x86::directShape(const Isa &isa, int64_t rows, int64_t depth) {
  TileShape s{rows, 0, rows <= 2, false, false, 0};
  if (isa.pairSums) {
    // Longer bodies than 8 k let the scheduler lift loads and spill them; one or two rows have registers to spare.
    s.bodyK = rows <= 2 ? longestDivisor(depth, {16, 8}) : 8;
    s.reloadNibbles = rows >= 5;
    s.prefetchBytes = 512;
  } else {
    s.bodyK = longestDivisor(depth, {32, 24, 16, 8});
    s.highInPlace = rows <= 2; // two operations for 64 bytes instead of three, and twice the chains
    s.prefetchBytes = 1024;
  }
  return s;
}

TileShape x86::slabShape(const Isa &isa, int64_t rows, int64_t depth) {
  return {rows, isa.pairSums ? 8 : longestDivisor(depth, {32, 24, 16, 8}), false, false, false, 0};
}
