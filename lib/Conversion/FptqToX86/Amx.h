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
  struct Turn;
  struct Fold;

  std::unique_ptr<TileUnit> tileUnit(Emitter &e);
  SmallVector<Value> multiplyStep(Emitter &e, TileUnit &unit, Value slab, Value activations, int64_t depth,
                                  ValueRange acc);
  void unpackDue(Emitter &e, NextSlab &next);
  SmallVector<Type> sweepArguments() const;
  Sweep openSweep(Emitter &e, ValueRange args);
  Value activationsOf(Emitter &e, const Sweep &sweep, Value unit);
  LLVM::LLVMFuncOp integerSums();

  // AmxFloats.cpp
  void foldRows(Emitter &e, const Fold &fold, int64_t half, Value first, int64_t rows);
  void foldHalf(Emitter &e, const Fold &fold, int64_t half);
  void multiplyGroup(Emitter &e, TileUnit &unit, Value chunk, int64_t i, NextSlab &next, const Fold &fold);
  void multiplyChunk(Emitter &e, TileUnit &unit, Value chunk, NextSlab &next, const Fold &fold);
  void loadScales(Emitter &e, const Sweep &sweep, Value group, Value count, Value to);
  void floatTurn(Emitter &e, TileUnit &unit, Sweep &sweep, const Turn &turn, const Fold &fold, Value allScales,
                 Value results);
  LLVM::LLVMFuncOp floatSums();

  // AmxSlab.cpp
  bool keepsIntegers() const;
  bool unpacksInUnits() const;
  int64_t unitK() const;
  int64_t slabK() const;
  int64_t groupSteps() const;
  int64_t groupBytes() const;
  int64_t spaceBytes() const;
  void unpackUnit(Emitter &e, Value panels, Value groups, Value unit, Value inSlab, Value slab);
  void eachTurn(Emitter &e, const Sweep &sweep, Value first, Value last,
                llvm::function_ref<void(const Turn &)> multiply);

  // AmxDriver.cpp
  struct Space {
    Value results; ///< rows of a sweep x one block
    Value sums;    ///< integers: the results themselves in the two-level scheme
    Value sweep, tails;
  };
  void multiplyBlock(Emitter &e, const Space &space, ArrayRef<Value> sweep, Value rows);
};

/// The slab that is unpacked while another one is multiplied: units of two panels, one at a time between the steps of
/// the blocks, so that vector work hides behind the tile multiplier.
enum class NextSlabField { Panels, Groups, FirstUnit, Units, Place, Done, Interval };
struct AmxKernels::NextSlab : AmxRecord<NextSlabField> {
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
struct AmxKernels::Sweep {
  Value pairs, groups, activations, stride; ///< stride: of a pair's activations
  SmallVector<Value> panels;                ///< see panelTypes: one for each half
  Value space;                              ///< see spaceBytes
  NextSlab next;
};

/// A slab of one half of the block.
struct AmxKernels::Turn {
  Value slab, half;         ///< number of the slab; half of the block
  Value first, units, data; ///< units of all of K, and where they are
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_AMX_H
