//===- Driver.h - any number of rows, a range of panels ---------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_DRIVER_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_DRIVER_H

#include "KernelBuilder.h"
#include "MatmulFields.h"

namespace mlir::fptq::x86 {

/// The entry points of a kernel set. Rows decide: AMX for many, where there is AMX; for few direct kernels; for the
/// rest sweeps over slabs.
class MatmulDriver : KernelBuilder {
public:
  using KernelBuilder::KernelBuilder;

  LLVM::LLVMFuncOp prepare();
  LLVM::LLVMFuncOp matmul();

private:
  /// M rows as tiles of nearly equal height: 7 rows are 4 + 3, not 6 + 1, so that no M is slower than the next.
  struct Rows {
    Emitter &e;
    Value m, tiles, base, longer; ///< `longer` tiles have base + 1 rows, the others base
    Value activations, starts;    ///< as `prepare` left them
    Value rowBytes, startBytes;   ///< of one row

    /// First row of a tile, and how many rows it has.
    Value first(Value tile) const { return e.add(e.mul(tile, base), e.min(tile, longer)); }
    Value height(Value tile) const { return e.add(base, arith::ExtUIOp::create(e, e.i64(), e.less(tile, longer))); }
  };
  /// Stack space of one thread; all of it stays in L1 and L2.
  struct SlabSpace {
    Value results; ///< rows of a sweep x one block
    Value sums;    ///< integer sums that cross slabs; the results themselves in the two-level scheme
    Value slab, tails;
  };
  struct Sweep;

  Rows rowTiles(Emitter &e, Value matmul);
  Value startValues(Emitter &e, MatmulFields &mm);

  // Prepare.cpp
  Value laneStarts(Emitter &e, Value codes);
  Value startValue(Emitter &e, Value sum);
  void copyRow(Emitter &e, Value source, Value bytes, Value tile, Value step);
  void writeStarts(Emitter &e, Value codes, Value xSums, Value groups, Value few, Value to, Value step);
  void prepareTiles(Emitter &e, ValueRange args);

  LLVM::LLVMFuncOp tileMatmul();
  void directBlocks(Emitter &e, Value matmul, const Rows &rows, Value results, Value first, Value last);
  void sweep(Emitter &e, Value matmul, const Rows &rows, const SlabSpace &space, Value firstTile, Value lastTile,
             Value block, Value lastPanel); // Sweep.cpp
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_DRIVER_H
