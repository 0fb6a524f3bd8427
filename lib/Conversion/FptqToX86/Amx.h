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

/// The slab that is unpacked while another one is multiplied: units of two panels, one at a time between the steps of
/// the blocks, so that vector work hides behind the tile multiplier. A record in memory, because a step needs next to
/// nothing of it and has no registers to spare.
struct KernelBuilder::NextSlab {
  enum Field { Panel0, Panel1, Groups, FirstUnit, Units, Place, Done, Interval, FieldCount };

  Emitter &e;
  Value record;
  Value left = e.num(0); ///< carried: steps until the next unit

  /// The units evenly over so many steps, at least as many as units.
  void spread(Value steps) {
    Value units = arith::MaxSIOp::create(e, get(Units), e.num(1));
    left = e.div(steps, units);
    set(Interval, left);
  }
  Value get(Field f) const { return e.load(f == Panel0 || f == Panel1 || f == Place ? e.ptr() : e.i64(), at(f), 8); }
  void set(Field f, Value v) const { e.store(v, at(f), 8); }

private:
  Value at(Field f) const { return e.at(record, 8 * f); }
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_AMX_H
