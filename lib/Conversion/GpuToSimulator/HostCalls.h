//===- HostCalls.h - calls of the simulator ---------------------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_GPUTOSIMULATOR_HOSTCALLS_H
#define FPTQ_LIB_CONVERSION_GPUTOSIMULATOR_HOSTCALLS_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::fptq::sim {

/// Address space of shared memory; generic pointers have 0, global ones 1.
constexpr unsigned kShared = 3;

/// Builds, before one operation at a time, the calls of lib/Runtime/GpuSimulator/SimulatorCalls.h that stand for it.
class HostCalls : public OpBuilder {
public:
  HostCalls(ModuleOp module, LLVM::LLVMFuncOp kernel);

  /// The operation whose place the calls take, from now on.
  void at(Operation *op);
  /// Its number, unique in the kernel.
  int64_t operation() const { return number; }

  Type i32() { return getI32Type(); }
  Type i64() { return getI64Type(); }
  Type ptr() { return LLVM::LLVMPointerType::get(getContext()); }
  Value num(int64_t value, Type type);
  Value num32(int64_t value) { return num(value, i32()); }

  /// Calls the C function `name`; a null `result` is void.
  Value call(StringRef name, Type result, ValueRange arguments);
  /// The pointer to this offset (i32) of shared memory, still in its address space.
  Value shared(Value offset);
  /// A string for messages: name, number and location of the operation. Different for each, also where locations are
  /// not: the simulator tells operations apart by its address.
  Value site();
  /// `words`, each 32 bits, in memory that belongs to the calling thread; `count` more words behind.
  Value spill(ValueRange words, int64_t count = 0);
  /// The i32 values at `address`.
  SmallVector<Value> reload(Value address, int64_t count);
  /// `count` i32 values from `address` as the value that an operation with this result type gives.
  Value reloadAs(Type type, Value address, int64_t count);
  /// The fields of a struct of i32, or the value itself.
  SmallVector<Value> fields(Value value);

  LLVM::LLVMFuncOp function(StringRef name, Type result, TypeRange arguments);

  ModuleOp module;
  LLVM::LLVMFuncOp kernel;

private:
  Operation *place = nullptr;
  int64_t number = 0;
};

/// Replaces one operation by calls. Failure: there is no case for it.
LogicalResult simulateNVVM(HostCalls &calls, Operation *op);
/// The same for fptq_gpu.
LogicalResult simulateFptqGpu(HostCalls &calls, Operation *op);
/// The LLVM dialect: memory accesses are checked, what cannot run on a host is refused, the rest stays.
LogicalResult simulateLLVM(HostCalls &calls, Operation *op);

/// Offsets of shared memory for one kernel.
struct SharedLayout {
  llvm::StringMap<int64_t> offsets;
  int64_t staticBytes = 0;
};
FailureOr<SharedLayout> layOutShared(LLVM::LLVMFuncOp kernel, SymbolTable &symbols);

} // namespace mlir::fptq::sim

#endif // FPTQ_LIB_CONVERSION_GPUTOSIMULATOR_HOSTCALLS_H
