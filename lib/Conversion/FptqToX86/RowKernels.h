//===- RowKernels.h - the inner loops: R rows x one block --------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_ROWKERNELS_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_ROWKERNELS_H

#include "KernelBuilder.h"

namespace mlir::fptq::x86 {

/// Rows of vectors in registers, or in memory, where they are part of wider rows.
struct Accumulators {
  Emitter &e;
  Value memory; ///< null: registers
  Type type;
  int64_t size;                       ///< of a vector
  int64_t vectors, rowVectors, first; ///< of a row; of a row in memory; the first of them there
  SmallVector<Value> &registers;

  Value place(int64_t i) { return e.at(memory, (i / vectors * rowVectors + first + i % vectors) * size); }
  Value get(int64_t i) { return memory ? e.load(type, place(i), size) : registers[i]; }
  void set(int64_t i, Value v) {
    if (memory)
      e.store(v, place(i), size);
    else
      registers[i] = v;
  }
};

/// Written so that LLVM has nothing left to decide: what is in registers, how long a body is, where the zero point
/// enters (as the start value of the integer sums, where it costs nothing) and where a group is folded. Loops, not
/// unrolling, except inside a body.
class RowKernels : KernelBuilder {
public:
  explicit RowKernels(const KernelBuilder &set) : KernelBuilder(set) {}

  LLVM::LLVMFuncOp direct(int64_t rows);
  LLVM::LLVMFuncOp finish(int64_t rows);
  LLVM::LLVMFuncOp first(int64_t rows);
  LLVM::LLVMFuncOp tile(int64_t rows);
  LLVM::LLVMFuncOp integerTile(int64_t rows);

private:
  /// R rows x the panels that are worked on at once; where those are half of a pair, its two panels take turns, group
  /// by group. Cursors move from body to body; accumulators are the results of all groups so far: floats, or int32 in
  /// the two-level scheme, R x vectors of them.
  struct RowKernel {
    TileShape shape;
    bool direct = false;
    int64_t turn = 0;             ///< panel of the pair, where one is worked on at once
    SmallVector<Value> panels;    ///< direct: see panelTypes
    SmallVector<Value> nextPairs; ///< what tile and integerTile fetch of the next slab
    Value weights;                ///< cursor; direct: byte offset in each pair, else pointer into the slab
    Value activations, start;     ///< cursors: [k/4][R][4] bytes, [group][start values of a group][R]
    Value tails;                  ///< cursor; what `tails` left, or, while a slab is filled, where it goes
    Value slabOut;                ///< cursor; the slab that a direct kernel fills on its way, or null
    Value ahead;                  ///< cursor; byte offset in nextPairs, or null
    Value memory;                 ///< accumulators that are not in registers
    SmallVector<Value> accumulators;
    SmallVector<Finish> finish; ///< of the group, where the shape finishes weights
    Value wide;                 ///< stack space for one group's int32 sums (tiers that sum in 16 bits)

    int64_t rows() const { return shape.rows; }
    int64_t turns() const { return shape.panels < kPairPanels ? 2 : 1; }
    bool inRegisters() const { return shape.accInRegisters; }

    /// Every cursor that there is, as loop-carried values, and back.
    SmallVector<Value> cursors() const {
      SmallVector<Value> v{weights, activations, start};
      for (Value optional : {tails, slabOut, ahead})
        if (optional)
          v.push_back(optional);
      return v;
    }
    /// Takes the cursors from the front of `v` and returns the rest.
    ValueRange setCursors(ValueRange v) {
      weights = v[0], activations = v[1], start = v[2];
      size_t n = 3;
      for (Value *optional : {&tails, &slabOut, &ahead})
        if (*optional)
          *optional = v[n++];
      return v.drop_front(n);
    }
    /// The same with the accumulators where they are registers.
    SmallVector<Value> state() const {
      SmallVector<Value> v = cursors();
      if (inRegisters())
        v.append(accumulators);
      return v;
    }
    void setState(ValueRange v) {
      ValueRange rest = setCursors(v);
      if (inRegisters())
        accumulators.assign(rest.begin(), rest.end());
    }
  };

  LLVM::LLVMFuncOp overPanels(const Twine &name, const TileShape &shape);
  LLVM::LLVMFuncOp overSlab(const Twine &name, const TileShape &shape,
                            llvm::function_ref<void(Emitter &, RowKernel &, ValueRange)> body);
  void allGroups(Emitter &e, RowKernel &k, Value count);
  void addGroups(Emitter &e, RowKernel &k, Value count);
  void addParts(Emitter &e, RowKernel &k, Value tails, Value parts);
  Value wideSpace(Emitter &e, int64_t rows);
  int64_t vectorsOf(const RowKernel &k) const { return k.shape.panels * isa.vectorsPerPanel(); }

  // Dots.cpp: channels of a group.
  Value quad(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, ArrayRef<Value> packed, Value slabOut,
             int64_t octet, int64_t half, int64_t vector);
  Value loadPacked(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, int64_t octet, int64_t vector, bool again);
  void prefetch(Emitter &e, const RowKernel &k, ArrayRef<Value> bases, Value ahead, int64_t octet);
  void addQuad(Emitter &e, const RowKernel &k, llvm::function_ref<Value(int64_t)> weightsOf,
               llvm::function_ref<Value(int64_t)> activationsOf, MutableArrayRef<Value> sums);
  SmallVector<Value> dots(Emitter &e, RowKernel &k, int64_t depth, SmallVector<Value> sums);

  // Folds.cpp: groups.
  Accumulators resultsOf(Emitter &e, RowKernel &k);
  SmallVector<Value> part(Emitter &e, RowKernel &k);
  SmallVector<Value> wideSums(Emitter &e, RowKernel &k);
  Value tail(Emitter &e, const RowKernel &k, Value groupStart, Tail kind, int64_t vector);
  Value timesStart(Emitter &e, Value factor, Value start);
  void foldPairs(Emitter &e, RowKernel &k, ArrayRef<Value> startOf);
  SmallVector<Value> groupSums(Emitter &e, RowKernel &k, Value groupStart, ArrayRef<Value> startOf);
  void addGroup(Emitter &e, RowKernel &k, ArrayRef<Value> group, Value groupStart, ArrayRef<Value> startOf);
  void addFinished(Emitter &e, RowKernel &k);
  void foldPanels(Emitter &e, RowKernel &k);
  void foldGroup(Emitter &e, RowKernel &k);
  void groups(Emitter &e, RowKernel &k, Value count);
};

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_ROWKERNELS_H
