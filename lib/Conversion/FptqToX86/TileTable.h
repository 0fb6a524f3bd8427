//===- TileTable.h - vectors and tile shapes of each tier -------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_TILETABLE_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_TILETABLE_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace mlir::fptq::x86 {

/// The vectors a tier computes with. A block is what a kernel works on at once: `panels` panels of 16 columns.
struct Isa {
  llvm::StringRef name;
  int64_t lanes;  ///< i32 lanes of a vector
  int64_t panels; ///< panels of a block
  bool pairSums;  ///< dots are summed in 16 bits, 32 k at most (madd8), not in 32 (dot4)
  /// Dots, unpacking and folding share two ports (512 bits on Intel), instead of having some beside the dots'.
  bool sharedPorts;
  int64_t slabK; ///< input channels unpacked to bytes at once
  bool amx;      ///< has AMX tiles
  llvm::StringRef cpu, tune, features;

  int64_t vectorsPerPanel() const { return 16 / lanes; }
  int64_t vectors() const { return panels * vectorsPerPanel(); }
  int64_t vectorBytes() const { return 4 * lanes; }
};

/// How one kernel of `rows` rows is written.
struct TileShape {
  int64_t rows;
  int64_t panels;                ///< worked on at once: all of a block, or one after the other
  int64_t bodyK;                 ///< input channels of one loop body
  bool accInRegisters;           ///< results stay in registers from group to group, not in L1
  bool highInPlace;              ///< high nibbles are dotted as 16 q, in sums of their own, shifted once a group
  bool reloadNibbles;            ///< load packed bytes once for each half: fewer live registers
  int64_t prefetchBytes;         ///< direct: ahead in each panel's stream; 0: none
  int64_t chains = 1;            ///< sums that octets are added to in turn, and that are added up once a group
  bool finishes = false;         ///< weights become `a q + b` (A2) in registers, and are summed over all of K
  bool prefetchNextSlab = false; ///< over a slab: a line an octet of what the next slab is made of, into L2
};

const Isa &avx2Isa();
const Isa &avxVnniIsa();
const Isa &avx512VnniIsa();
const Isa &avx512VnniZenIsa();
const Isa &amxInt8Isa();

/// Products with up to so many rows unpack in registers; with at least so many they use AMX.
int64_t directMaxRows(const Isa &isa, bool twoLevel, int64_t group);
int64_t amxMinRows(bool twoLevel, int64_t group);
/// Direct kernels of products with more rows than kOneTileRows multiply finished 8-bit weights.
bool finishesDirectly(const Isa &isa, bool twoLevel, int64_t group);
/// Rows of a full tile; a product of more than kOneTileRows rows is cut into tiles of nearly so many.
int64_t tileRows(const Isa &isa, bool twoLevel, int64_t group);
/// The least rows of a tile of a product with more rows than `rows`, at least kOneTileRows.
int64_t minTileHeight(const Isa &isa, bool twoLevel, int64_t group, int64_t rows);

/// `depth`: input channels summed without widening, a multiple of the body's.
TileShape directShape(const Isa &isa, int64_t rows, int64_t depth);
TileShape finishShape(int64_t rows, int64_t depth);
/// The first tile of a sweep, which fills the slab.
TileShape firstShape(const Isa &isa, int64_t rows, int64_t depth);
/// `folds`: the tile ends groups itself, instead of adding to integer sums only.
TileShape slabShape(const Isa &isa, int64_t rows, int64_t depth, bool folds);

constexpr int64_t kOneTileRows = 4;      ///< few rows read each weight once
constexpr int64_t kSweepRows = 252;      ///< rows of one sweep, whole tiles: 4096 activations each stay in 1 MiB of L2
constexpr int64_t kMaxGroupInSlab = 512; ///< longer groups are summed over several slabs

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_TILETABLE_H
