//===- KernelBuilder.h - what the kernels of one format share ---*- C++ -*-===//
//
// A kernel set serves all layers of one weight format on one tier: shapes are run-time values, the group size, the
// scheme and the rows of a tile are constants. It consists of
//
//   MatmulDriver     prepare          activations into row tiles [k/4][rows][4], start values of the sums
//                    matmul           a range of panels, any number of rows; calls
//   RowKernels         direct<R>        R rows x one block, nibbles unpacked in registers (few rows)
//                      finish<R>        direct<R> with weights finished in registers (two-level scheme)
//                      first<R>         direct<R> over a slab of a block, which it leaves behind as bytes, and its
//                                       scales as vectors
//                      tile<R>          tiles of R rows x one block over a slab; integer_tile<R>: without folding
//   SlabKernels        unpack, tails    a slab by itself, where `first` cannot leave it
//                      start, fold      for sums longer than a slab
//   EpilogueKernels    epilogue         sums to results: scales, bias, residual, ragged columns
//                      activate         its second half where there is an activation or a multiplicand
//   AmxKernels         amx_*            the same steps on AMX tiles, for many rows
//
// Each is a KernelBuilder with functions of its own; a function is written when it is first asked for.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_KERNELBUILDER_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_KERNELBUILDER_H

#include "Emitter.h"
#include "TileTable.h"
#include "fptq/Conversion/FptqToX86/Kernels.h"
#include "fptq/Pack/X86Layout.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::fptq::x86 {

const Isa &isaOf(Tier tier);

using BodyFn = llvm::function_ref<void(Emitter &, ValueRange)>;
/// The internal function fptq_<isa>_<name> with the isa's target features, written by `body` when first asked for.
LLVM::LLVMFuncOp getOrCreateFunction(ModuleOp module, const Isa &isa, bool emulated, const Twine &name,
                                     ArrayRef<Type> arguments, BodyFn body);

class KernelBuilder {
public:
  KernelBuilder(ModuleOp module, const Isa &isa, bool emulated, const WeightFormat &format);

protected:
  /// The function `name` of this set, written by `body` when it is first asked for.
  LLVM::LLVMFuncOp function(const Twine &name, ArrayRef<Type> arguments, BodyFn body);
  void call(Emitter &e, LLVM::LLVMFuncOp callee, ValueRange arguments);

  // The packed weight (docs/PackedLayout.md).
  Value pairBytes(Emitter &e, Value groups);
  SmallVector<Type> panelTypes();
  ValueRange takePanels(ValueRange &args) const;
  SmallVector<Value> blockPanels(Emitter &e, Value matmul, Value block, Value last);
  Value panelTail(Emitter &e, ValueRange panels, Value group, int64_t panel);
  enum class Tail { Scale, Multiplier, Zero, Offset };
  Value loadTail(Emitter &e, Tail kind, Value panelTail, int64_t vector);

  // From codes to sums.
  Value nibbles(Emitter &e, Value packed, bool high, bool inPlace = false);
  /// What makes a weight of a code: (A2) `a` in both halves of a column's dword, if any, and `b` in its bytes.
  struct Finish {
    Value multiplier, offset;
  };
  Finish loadFinish(Emitter &e, Value panelTail, int64_t vector);
  Value finished(Emitter &e, Value quad, const Finish &finish);
  Value dot(Emitter &e, Value sum, Value weights, Value activations);
  Value pairs(Emitter &e, Value wide);

  // How the format is computed.
  /// Sums over all of K stay integers until the epilogue.
  bool integerResult() const { return w.twoLevel; }
  /// Slabs hold unsigned 8-bit weights (two-level), not nibbles.
  bool slabHoldsBytes() const { return w.twoLevel && !isa.pairSums; }
  /// Products of more rows sum finished weights over all of K: a row has one start value, not one a group.
  int64_t foldedMaxRows() const {
    return finishesDirectly(isa, w.twoLevel, w.group) ? kOneTileRows : directMaxRows(isa, w.twoLevel, w.group);
  }
  /// Integer sums cross slab borders: tile<R> adds to them, start and fold begin and end them.
  bool integerSlabs() const { return slabHoldsBytes() || w.group > kMaxGroupInSlab; }
  /// What `tails` leaves a group: scales or multipliers, and zero points or offsets.
  int64_t tailVectors() const { return isa.vectors() * (w.zeros < w.tailBytes ? 2 : 1); }
  int64_t groupsInSlab() const { return std::max<int64_t>(1, isa.slabK / w.group); }
  int64_t slabBytes(int64_t k) const { return k / 4 * isa.vectors() * isa.vectorBytes(); }
  /// 16-bit sums start with the symmetric scheme's zero point, in halves: the two channels that share a lane's low
  /// half, the two of the high one. That keeps 64 channels in range, |(q - 8) x| <= 1016, where sums of q x keep 32.
  bool startsInSums() const { return isa.pairSums && !w.twoLevel && w.symmetric; }
  /// Start values of a group.
  int64_t startsOfGroup() const { return startsInSums() ? w.group / sumDepth(w.group) : 1; }
  /// Activation sums of a group fit in 16 bits: 256 * 127 < 2^15.
  bool narrowStarts() const { return (w.twoLevel || !w.symmetric) && w.group <= 256; }
  int64_t tileRows() const { return x86::tileRows(isa, w.twoLevel, w.group); }
  int64_t minTileHeight(int64_t rows) const { return x86::minTileHeight(isa, w.twoLevel, w.group, rows); }
  /// Input channels integerTile counts in.
  int64_t partK() const { return isa.pairSums ? sumDepth(w.group) : slabShape(isa, 1, sumDepth(w.group), false).bodyK; }
  /// Input channels whose products may be added in one sum.
  int64_t sumDepth(int64_t group) const;

  ModuleOp module;
  const Isa &isa;
  bool emulated;
  WeightFormat w;
  std::string prefix;
  VectorType bytes, ints, floats, sums; ///< sums: what `dot` adds to
  Type ptr, i64;                        ///< of arguments
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_KERNELBUILDER_H
