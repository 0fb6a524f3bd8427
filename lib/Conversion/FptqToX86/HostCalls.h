//===- HostCalls.h - calls of kernels from the model's code -----*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTOX86_HOSTCALLS_H
#define FPTQ_LIB_CONVERSION_FPTQTOX86_HOSTCALLS_H

#include "Emitter.h"
#include "fptq/Conversion/FptqToX86/Kernels.h"
#include "fptq/IR/Fptq.h"

namespace mlir::fptq::x86 {

/// Address of the first element, and the stride of dimension 0 in elements.
struct Buffer {
  Value pointer, stride;
};
/// Fails, with a diagnostic at `op`, where the last dimension is not contiguous.
FailureOr<Buffer> buffer(Emitter &e, Operation *op, Value memref);
/// That of an operand `op` may go without: null where it does.
FailureOr<Buffer> optionalBuffer(Emitter &e, Operation *op, Value memref);

/// Size of dimension `i`, i64.
Value dim(Emitter &e, Value memref, int64_t i);

/// Stack space at the start of the function around `op`, so that a loop does not grow the stack; in a parallel loop of
/// its body, where `fptq-share-loops` finds it: each thread needs its own.
Value entryStack(Emitter &e, Operation *op, int64_t bytes);

/// Writes an FptqMatmul, FptqQuantize or FptqFormat, field by field.
struct Fields {
  Emitter &e;
  Value base;
  void set(size_t offset, Value v) { e.store(v, e.at(base, offset), 8); }
  void set(size_t pointerAt, size_t strideAt, const Buffer &b) { set(pointerAt, b.pointer), set(strideAt, b.stride); }
};

/// Writes what stands in the place of an operation: calls of the kernels of the tier this machine runs, from all
/// threads where it pays.
class HostCalls {
public:
  HostCalls(ModuleOp module, ArrayRef<Target> targets, bool threads)
      : module(module), targets(targets), threads(threads) {}

  /// Operations that `siblingMatmuls` found, in their order.
  LogicalResult lower(ArrayRef<PackedMatmulOp> ops);
  LogicalResult lower(QuantizeActivationsOp op);

private:
  /// Products of the same activations that are one parallel loop, as their kernels are told of them.
  struct Siblings;
  FailureOr<Siblings> describeAll(Emitter &e, ArrayRef<PackedMatmulOp> ops);
  /// Their kernels of a tier; `op` is one of them.
  void call(Emitter &e, Target target, PackedMatmulOp op, const Siblings &siblings);

  /// fn(target) for the tier this machine runs.
  void dispatch(Emitter &e, llvm::function_ref<void(Target)> fn);
  /// Whether code at the insertion point may be shared among threads: not what is one thread's share already.
  bool shares(Emitter &e);
  /// fn(first, last) over [0, count) in pieces of whole `unit`s; in parallel where `work`, in multiply-adds, is worth
  /// it.
  void share(Emitter &e, Value count, int64_t unit, Value work, llvm::function_ref<void(Value, Value)> fn);
  LLVM::LLVMFuncOp runtimeFunction(Emitter &e, StringRef name, Type result, ArrayRef<Type> arguments);

  /// A product's activations, of which there are so many `codes`, as its kernels want them.
  void prepare(Emitter &e, const KernelSet &kernels, Value matmul, Value codes);

  ModuleOp module;
  ArrayRef<Target> targets;
  bool threads;
};

/// Products of the same activations and format in one block, next to each other, of which none reads what another
/// writes but column by column: one team computes them all, and one `prepare` serves them.
SmallVector<SmallVector<PackedMatmulOp>> siblingMatmuls(Operation *root);

} // namespace mlir::fptq::x86

#endif // FPTQ_LIB_CONVERSION_FPTQTOX86_HOSTCALLS_H
