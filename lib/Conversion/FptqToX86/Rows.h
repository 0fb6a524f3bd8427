//===- Rows.h - the rows of a product as tiles ------------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_ROWS_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_ROWS_H

#include "KernelBuilder.h"

namespace mlir::fptq::x86 {

/// M rows as tiles of nearly equal height: 7 rows are 4 + 3, not 6 + 1, so that no M is slower than the next.
struct KernelBuilder::Rows {
  Emitter &e;
  Value m, tiles, base, longer; ///< `longer` tiles have base + 1 rows, the others base
  Value activations, starts;    ///< as `prepare` left them
  Value rowBytes, startBytes;   ///< of one row

  /// First row of a tile, and how many rows it has.
  Value first(Value tile) const { return e.add(e.mul(tile, base), e.min(tile, longer)); }
  Value height(Value tile) const { return e.add(base, arith::ExtUIOp::create(e, e.i64(), e.less(tile, longer))); }
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_ROWS_H
