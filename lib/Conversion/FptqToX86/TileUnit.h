//===- TileUnit.h - AMX tiles, or memory that acts like them ----*- C++ -*-===//
//
// Sums are tiles of 16 rows of 64 bytes, operands too, or half of that in K (activations 16 rows of 32 bytes, weights 8
// rows of 64). A function uses one depth: a tile shape that varies in nested loops is miscompiled by LLVM 22, and many
// shapes in one function do not compile. Edges are padded instead.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_TILEUNIT_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_TILEUNIT_H

#include "Emitter.h"

namespace mlir::fptq::x86 {

constexpr int64_t kTileRows = 16, kTileBytes = 1024;

class TileUnit {
public:
  virtual ~TileUnit() = default;
  /// The type of a tile as a loop-carried value.
  virtual Type type(Emitter &e) = 0;
  /// `slot` names the register; only the emulation, where tiles are memory, minds.
  virtual Value zero(Emitter &e, int64_t slot) = 0;
  virtual Value load(Emitter &e, int64_t slot, Value from, int64_t stride, int64_t rows, int64_t bytes) = 0;
  virtual void store(Emitter &e, Value tile, Value to, int64_t stride) = 0;
  /// acc += activations * weights over `depth` channels, both signed, weights in VNNI-4 order.
  virtual Value multiply(Emitter &e, Value acc, Value activations, Value weights, int64_t depth) = 0;
};

/// The instructions, through intrinsics whose tile registers LLVM allocates.
class HardwareTiles : public TileUnit {
public:
  Type type(Emitter &e) override;
  Value zero(Emitter &e, int64_t slot) override;
  Value load(Emitter &e, int64_t slot, Value from, int64_t stride, int64_t rows, int64_t bytes) override;
  void store(Emitter &e, Value tile, Value to, int64_t stride) override;
  Value multiply(Emitter &e, Value acc, Value activations, Value weights, int64_t depth) override;
};

/// Eight tiles on the stack of the function that `e` is in; a tile value is its address, so a slot may hold one
/// value at a time.
class EmulatedTiles : public TileUnit {
public:
  EmulatedTiles(Emitter &e, LLVM::LLVMFuncOp multiply);
  Type type(Emitter &e) override { return e.ptr(); }
  Value zero(Emitter &e, int64_t slot) override;
  Value load(Emitter &e, int64_t slot, Value from, int64_t stride, int64_t rows, int64_t bytes) override;
  void store(Emitter &e, Value tile, Value to, int64_t stride) override;
  Value multiply(Emitter &e, Value acc, Value activations, Value weights, int64_t depth) override;

  /// The body of the multiply function (acc, activations, weights, k-quads).
  static void multiplyBody(Emitter &e, ValueRange args);

private:
  Value slots;
  LLVM::LLVMFuncOp multiplyFunction;
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_TILEUNIT_H
