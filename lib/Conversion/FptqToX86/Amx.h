//===- Amx.h - blocks of 2 x 2 tiles ----------------------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_AMX_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_AMX_H

#include "KernelBuilder.h"
#include "TileUnit.h"

#include <memory>

namespace mlir::fptq::x86 {

constexpr int64_t kStep = 2 * kTileBytes; ///< of a slab or of packed activations, from one k/64 to the next
constexpr int64_t kPairRows = 2 * kTileRows;
constexpr int64_t kResultStride = 256; ///< a row of a block: 64 columns of 4 bytes
constexpr int64_t kHalfBytes = 128;    ///< its two panels
constexpr int64_t kSweepPairs = 8;     ///< 256 rows: packed activations stay in L2
// The space of a sweep: the record of the slab to come, and
constexpr int64_t kAmxFold = 64;  ///< that of the chunk to fold,
constexpr int64_t kAmxSlab = 192; ///< a slab; then sums of two groups, scales of two slabs.

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

class AmxKernels : KernelBuilder {
public:
  explicit AmxKernels(const KernelBuilder &set) : KernelBuilder(set) {}

  /// There are kernels for the format.
  bool serves() const;
  LLVM::LLVMFuncOp prepare();
  LLVM::LLVMFuncOp matmul(); // AmxDriver.cpp

private:
  struct NextSlab;
  struct Sweep;
  struct Slab;
  struct Block;
  struct Fold;

  std::unique_ptr<TileUnit> tileUnit(Emitter &e);
  SmallVector<Value> multiplyStep(Emitter &e, TileUnit &unit, Value slab, Value activations, int64_t depth,
                                  ValueRange acc);
  SmallVector<Type> sweepArguments() const;
  Sweep openSweep(Emitter &e, ValueRange args);
  LLVM::LLVMFuncOp integerSums();

  // AmxFloats.cpp
  void foldRows(Emitter &e, const Fold &fold, int64_t half, Value first, int64_t rows);
  void foldHalf(Emitter &e, const Fold &fold, int64_t half);
  Value unitOf(Emitter &e, Value chunk, int64_t i);
  void multiplyGroup(Emitter &e, TileUnit &unit, Value chunk, int64_t i, const NextSlab &next, const Fold &fold);
  void multiplyChunk(Emitter &e, TileUnit &unit, Value chunk, const NextSlab &next, const Fold &fold);
  void loadScales(Emitter &e, const Sweep &sweep, Value group, Value count, Value to);
  void foldSlab(Emitter &e, TileUnit &unit, const Sweep &sweep, const Slab &slab, const Slab &after, const Fold &fold,
                Value allScales, Value results);
  LLVM::LLVMFuncOp floatSums();

  // AmxSlab.cpp
  bool keepsIntegers() const;
  bool unpacksInUnits() const;
  int64_t unitK() const;
  int64_t slabK() const;
  bool halvesTakeTurns() const;
  int64_t halfSlabBytes() const;
  Value placeOf(Emitter &e, const Sweep &sweep, Value i) const;
  bool groupsShareSteps() const { return w.group < 64; }
  int64_t groupSteps() const;
  int64_t groupBytes() const;
  int64_t foldOffset() const;
  int64_t spaceBytes() const;
  void unpackUnit(Emitter &e, Value panels, Value groups, Value unit, Value inSlab, Value slab);
  void unpackDue(Emitter &e, const NextSlab &next, Value unit);
  void eachSlab(Emitter &e, const Sweep &sweep, Value first, Value last,
                llvm::function_ref<void(const Slab &slab, const Slab &after)> multiply);
  void eachBlock(Emitter &e, const Sweep &sweep, const Slab &slab, const Slab &after, Value results,
                 llvm::function_ref<void(const Block &)> multiply);

  // AmxDriver.cpp
  struct Space {
    Value results; ///< rows of a sweep x one block
    Value sums;    ///< integers: the results themselves in the two-level scheme
    Value sweep, tails;
  };
  void multiplyBlock(Emitter &e, const Space &space, ArrayRef<Value> sweep, Value rows);
};

/// What is unpacked while the last pair of row tiles is multiplied, so that vector work hides behind the tile
/// multiplier: each unit of the next slab, into the place of the unit that no one needs any more. `Units`: those due in
/// the block at hand.
enum class NextSlabField { Panels, Groups, FirstUnit, Units, Place };
struct AmxKernels::NextSlab : AmxRecord<NextSlabField> {
  using Field = NextSlabField;
  using AmxRecord::AmxRecord;
};

/// A block of columns and up to kSweepPairs pairs of row tiles, in the function that multiplies them. One function
/// holds all its slabs: configuring the tiles costs as much as a dozen tile multiplies.
struct AmxKernels::Sweep {
  Value pairs, groups, activations, stride; ///< stride: of a pair's activations
  SmallVector<Value> panels;                ///< see panelTypes: one for each half
  Value space;                              ///< see spaceBytes
  NextSlab next;
};

/// Some units of all of K, of both halves of the columns or of one.
struct AmxKernels::Slab {
  Value number, first, units; ///< number: of its units among those of all of K
  Value firstHalf, halves;
};

/// A pair of row tiles and one half of the columns: 2 x 2 tiles, over a slab's channels.
struct AmxKernels::Block {
  Value weights, activations, results; ///< `results`: of all of K
  Value half, due;                     ///< half of the columns; units of the next slab to be unpacked
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_AMX_H
