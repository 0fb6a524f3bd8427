//===- Amx.h - blocks of 2 x 2 tiles ----------------------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_AMX_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_AMX_H

#include "KernelBuilder.h"
#include "TileUnit.h"

namespace mlir::fptq::x86 {

constexpr int64_t kStep = 2 * kTileBytes; ///< of a slab or of packed activations, from one k/64 to the next
constexpr int64_t kPairRows = 2 * kTileRows;
constexpr int64_t kResultStride = 256; ///< a row of a block: 64 columns of 4 bytes
constexpr int64_t kHalfBytes = 128;    ///< its two panels
constexpr int64_t kSweepPairs = 8;     ///< 256 rows: packed activations stay in L2
// The space of a sweep: the record of the slab to come, and
constexpr int64_t kAmxFold = 64;   ///< that of the chunk to fold,
constexpr int64_t kAmxSlabs = 192; ///< two slabs; then sums of two groups, scales of two slabs.

/// Fields of 8 bytes in memory: what is done between the steps of a block needs few of them at a time, and a step has
/// no registers to spare.
template <typename Field> class AmxRecord {
public:
  AmxRecord(Emitter &e, Value record) : e(e), record(record) {}
  Value get(Field f) const { return e.load(e.i64(), at(f), 8); }
  Value pointer(Field f) const { return e.load(e.ptr(), at(f), 8); }
  void set(Field f, Value v) const { e.store(v, at(f), 8); }

protected:
  Emitter &e;

private:
  Value at(Field f) const { return e.at(record, 8 * int64_t(f)); }
  Value record;
};

/// The slab that is unpacked while another one is multiplied: units of two panels, one at a time between the steps of
/// the blocks, so that vector work hides behind the tile multiplier.
enum class NextSlabField { Panels, Groups, FirstUnit, Units, Place, Done, Interval };
struct KernelBuilder::NextSlab : AmxRecord<NextSlabField> {
  using Field = NextSlabField;
  using AmxRecord::AmxRecord;
  Value left = e.num(0); ///< carried: steps until the next unit

  /// The units evenly over so many steps, at least as many as units.
  void spread(Value steps) {
    Value units = arith::MaxSIOp::create(e, get(Field::Units), e.num(1));
    left = e.div(steps, units);
    set(Field::Interval, left);
  }
};

/// A block of columns and up to kSweepPairs pairs of row tiles, in the function that multiplies them. One function
/// holds all its slabs: configuring the tiles costs as much as a dozen tile multiplies.
struct KernelBuilder::AmxSweep {
  Value pairs, groups, activations, stride; ///< stride: of a pair's activations
  SmallVector<Value> panels;                ///< see panelTypes: one for each half
  Value space;                              ///< see amxSpaceBytes
  NextSlab next;
};

/// A slab of one half of the block.
struct KernelBuilder::AmxTurn {
  Value slab, half;         ///< number of the slab; half of the block
  Value first, units, data; ///< units of all of K, and where they are
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_AMX_H
