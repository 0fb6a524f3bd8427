//===- KernelBuilder.h - the kernels of one tier and format -----*- C++ -*-===//
//
// A kernel set serves all layers of one weight format: shapes are run-time values, the group size, the
// scheme and the rows of a tile are constants. It consists of
//
//   prepare          activations into row tiles [k/4][rows][4], start values of the sums
//   matmul           a range of panels, any number of rows; calls
//     direct<R>        R rows x one block, panel by panel or all at once, nibbles unpacked in registers (few rows)
//     finish<R>        direct<R> with weights finished in registers (two-level scheme)
//     first<R>         direct<R> over a slab of a block, which it leaves behind as bytes, and its scales as vectors
//     tile<R>          tiles of R rows x one block over a slab
//     unpack, tails    a slab by itself, where `first` cannot leave it
//     start, fold      for sums longer than a slab
//     epilogue         sums to results: scales, bias, residual, ragged columns
//     activate         its second half where there is an activation or a multiplicand; one for all formats
//     amx_*            the same steps on AMX tiles, for many rows
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

class MatmulFields;
class TileUnit;
struct Accumulators;

const Isa &isaOf(Tier tier);

using BodyFn = llvm::function_ref<void(Emitter &, ValueRange)>;
/// The internal function fptq_<isa>_<name> with the isa's target features, written by `body` when first asked for.
LLVM::LLVMFuncOp getOrCreateFunction(ModuleOp module, const Isa &isa, bool emulated, const Twine &name,
                                     ArrayRef<Type> arguments, BodyFn body);

class KernelBuilder {
public:
  KernelBuilder(ModuleOp module, const Isa &isa, bool emulated, const WeightFormat &format);

  LLVM::LLVMFuncOp prepare();
  LLVM::LLVMFuncOp matmul();

private:
  /// The function `name` of this set, written by `body` when it is first asked for.
  LLVM::LLVMFuncOp function(const Twine &name, ArrayRef<Type> arguments, BodyFn body);
  void call(Emitter &e, LLVM::LLVMFuncOp callee, ValueRange arguments);

  LLVM::LLVMFuncOp direct(int64_t rows);
  LLVM::LLVMFuncOp finish(int64_t rows);
  LLVM::LLVMFuncOp overPanels(const Twine &name, const TileShape &shape);
  LLVM::LLVMFuncOp first(int64_t rows);
  LLVM::LLVMFuncOp tile(int64_t rows);
  LLVM::LLVMFuncOp integerTile(int64_t rows);
  LLVM::LLVMFuncOp unpack();
  LLVM::LLVMFuncOp tails();
  LLVM::LLVMFuncOp start();
  LLVM::LLVMFuncOp fold();
  LLVM::LLVMFuncOp epilogue();
  LLVM::LLVMFuncOp activate();

  enum class Tail { Scale, Multiplier, Zero, Offset };

  // Sums.cpp: what direct, first and tile share.
  struct RowKernel;
  int64_t vectorsOf(const RowKernel &k) const;
  Accumulators resultsOf(Emitter &e, RowKernel &k);
  Value quad(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, ArrayRef<Value> packed, Value slabOut,
             int64_t octet, int64_t half, int64_t vector);
  Value loadPacked(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, int64_t octet, int64_t vector, bool again);
  void prefetch(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, Value weights, int64_t octet);
  void addQuad(Emitter &e, const RowKernel &k, llvm::function_ref<Value(int64_t)> weightsOf,
               llvm::function_ref<Value(int64_t)> activationsOf, MutableArrayRef<Value> sums);
  SmallVector<Value> dots(Emitter &e, RowKernel &k, int64_t depth, SmallVector<Value> sums);
  SmallVector<Value> part(Emitter &e, RowKernel &k);
  SmallVector<Value> wideSums(Emitter &e, RowKernel &k);
  Value pairs(Emitter &e, Value wide);
  Value tail(Emitter &e, const RowKernel &k, Value groupStart, Tail kind, int64_t vector);
  Value timesStart(Emitter &e, Value factor, Value start);
  void foldPairs(Emitter &e, RowKernel &k, ArrayRef<Value> startOf);
  void foldGroup(Emitter &e, RowKernel &k);
  void foldPanels(Emitter &e, RowKernel &k);
  void groups(Emitter &e, RowKernel &k, Value count);
  void addGroups(Emitter &e, RowKernel &k, Value count);

  // RowKernels.cpp
  Value wideSpace(Emitter &e, int64_t rows);
  void allGroups(Emitter &e, RowKernel &k, Value count);

  // Driver.cpp
  struct Rows;
  /// Stack space of one thread; all of it stays in L1 and L2.
  struct SlabSpace {
    Value results; ///< rows of a sweep x one block
    Value sums;    ///< integer sums that cross slabs; the results themselves in the two-level scheme
    Value slab, tails;
  };
  Rows rowTiles(Emitter &e, Value matmul);
  Value pairBytes(Emitter &e, Value groups);
  SmallVector<Type> panelTypes();
  ValueRange takePanels(ValueRange &args) const;
  SmallVector<Value> blockPanels(Emitter &e, Value matmul, Value block, Value last);
  Value panelTail(Emitter &e, ValueRange panels, Value group, int64_t panel);
  Value startValues(Emitter &e, MatmulFields &mm);
  void prepareTiles(Emitter &e, ValueRange args);
  Value laneStarts(Emitter &e, Value codes);
  LLVM::LLVMFuncOp tileMatmul();
  void directBlocks(Emitter &e, Value matmul, const Rows &rows, Value results, Value first, Value last);

  // Sweep.cpp
  struct Sweep;
  void sweep(Emitter &e, Value matmul, const Rows &rows, const SlabSpace &space, Value firstTile, Value lastTile,
             ValueRange panels);

  // Amx.cpp
  struct NextSlab;
  struct AmxSweep;
  struct AmxTurn;
  std::unique_ptr<TileUnit> tileUnit(Emitter &e);
  SmallVector<Value> amxStep(Emitter &e, TileUnit &unit, Value slab, Value activations, int64_t depth, ValueRange acc);
  void unpackDue(Emitter &e, NextSlab &next);
  SmallVector<Type> amxSweepArguments(Emitter &e);
  AmxSweep amxSweep(Emitter &e, ValueRange args);
  Value amxActivations(Emitter &e, const AmxSweep &sweep, Value unit);
  LLVM::LLVMFuncOp amxIntegers();

  // AmxFloats.cpp
  struct AmxFold;
  void amxFoldRows(Emitter &e, const AmxFold &fold, int64_t half, Value first, int64_t rows);
  void amxFoldHalf(Emitter &e, const AmxFold &fold, int64_t half);
  void amxGroup(Emitter &e, TileUnit &unit, Value chunk, int64_t i, NextSlab &next, const AmxFold &fold);
  void amxChunk(Emitter &e, TileUnit &unit, Value chunk, NextSlab &next, const AmxFold &fold);
  void amxScales(Emitter &e, const AmxSweep &sweep, Value group, Value count, Value to);
  void amxFloatTurn(Emitter &e, TileUnit &unit, AmxSweep &sweep, const AmxTurn &turn, const AmxFold &fold,
                    Value allScales, Value results);
  LLVM::LLVMFuncOp amxFloats();

  // AmxSlab.cpp
  bool hasAmx() const;
  int64_t amxGroupSteps() const;
  int64_t amxGroupBytes() const;
  int64_t amxUnitK() const;
  int64_t amxSlabK() const;
  int64_t amxSpaceBytes() const;
  bool amxKeepsIntegers() const;
  bool unpacksInUnits() const;
  void unpackUnit(Emitter &e, Value panels, Value groups, Value unit, Value inSlab, Value slab);
  void amxTurns(Emitter &e, const AmxSweep &sweep, Value first, Value last,
                llvm::function_ref<void(const AmxTurn &)> multiply);
  LLVM::LLVMFuncOp amxPrepare();

  // AmxDriver.cpp
  struct AmxSpace {
    Value results; ///< as SlabSpace
    Value sums;    ///< integers: the results themselves in the two-level scheme
    Value sweep, tails;
  };
  LLVM::LLVMFuncOp amxMatmul();
  void amxBlock(Emitter &e, const AmxSpace &space, ArrayRef<Value> sweep, Value rows);

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

  /// What makes a weight of a code: (A2) `a` in both halves of a column's dword, if any, and `b` in its bytes.
  struct Finish {
    Value multiplier, offset;
  };
  Finish loadFinish(Emitter &e, Value panelTail, int64_t vector);
  Value finished(Emitter &e, Value quad, const Finish &finish);

  Value nibbles(Emitter &e, Value packed, bool high, bool inPlace = false);
  Value loadTail(Emitter &e, Tail kind, Value panelTail, int64_t vector);
  Value dot(Emitter &e, Value sum, Value weights, Value activations);

  ModuleOp module;
  const Isa &isa;
  bool emulated;
  WeightFormat w;
  std::string prefix;
  VectorType bytes, ints, floats, sums; ///< sums: what `dot` adds to
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_KERNELBUILDER_H
