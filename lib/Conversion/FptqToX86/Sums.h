//===- Sums.h - the state of a row kernel while it is written ---*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_SUMS_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_SUMS_H

#include "KernelBuilder.h"

namespace mlir::fptq::x86 {

/// R rows x one block. Cursors move from body to body; accumulators are the results of all groups so
/// far: floats, or int32 in the two-level scheme, R x vectors of them.
struct KernelBuilder::RowKernel {
  TileShape shape;
  bool direct = false;
  SmallVector<Value> panels; ///< direct: first byte of each panel
  Value weights;             ///< cursor; direct: byte offset in each panel, else pointer into the slab
  Value tails;               ///< cursor; slab only: what `tails` left
  Value activations, start;  ///< cursors: [k/4][R][4] bytes, [group][R] start values
  Value memory;              ///< accumulators that are not in registers
  SmallVector<Value> accumulators;
  Value wide; ///< stack space for one group's int32 sums (tiers that sum in 16 bits)

  int64_t rows() const { return shape.rows; }
  bool inRegisters() const { return direct && shape.accInRegisters; }

  /// Cursors as loop-carried values, and back.
  SmallVector<Value> cursors() const {
    SmallVector<Value> v{weights, activations, start};
    if (!direct)
      v.push_back(tails);
    return v;
  }
  size_t setCursors(ValueRange v) {
    weights = v[0], activations = v[1], start = v[2];
    if (!direct)
      tails = v[3];
    return direct ? 3 : 4;
  }
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_SUMS_H
