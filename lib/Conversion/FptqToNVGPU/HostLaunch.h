//===- HostLaunch.h - host code that launches a kernel ----------*- C++ -*-===//
#ifndef FPTQ_LIB_CONVERSION_FPTQTONVGPU_HOSTLAUNCH_H
#define FPTQ_LIB_CONVERSION_FPTQTONVGPU_HOSTLAUNCH_H

#include "fptq-runtime/GpuLaunch.h"
#include "fptq/Conversion/FptqToNVGPU/Kernels.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::fptq::nvptx {

/// A memref as a launch sees it. Numbers are i64.
struct HostBuffer {
  Value pointer;
  Value stride;                  ///< of dimension 0, in elements
  Value bytes;                   ///< from the first element to behind the last
  SmallVector<Value, 2> strides; ///< of all dimensions
};

/// Collects the arguments of one launch and writes FptqGpuLaunch, field by field.
class HostLaunch {
public:
  /// Before `op`, whose place in a function gives the stack.
  explicit HostLaunch(Operation *op) : b(op->getLoc(), op), op(op) {}

  Value num(int64_t value);
  Value dim(Value memref, int64_t i);
  Value ceilDiv(Value a, int64_t divisor);
  /// Null for a null memref; an error where the last dimension is not contiguous, unless any strides will do.
  FailureOr<HostBuffer> buffer(Value memref, bool anyStrides = false);

  void addBuffer(FptqGpuArgumentKind kind, const HostBuffer &buffer);
  void addI32(Value i64) { arguments.push_back({FPTQ_GPU_I32, i64, {}, {}}); }
  void addF32(Value f32);
  /// What a split product needs beside its operands.
  void addWorkspace(const Kernel &kernel, Value gridX, Value gridY, int64_t slices, Value groups);
  /// The call. `extraShared` (i64) is added to the kernel's own shared memory; `gridZ` null is 1.
  void launch(ModuleOp module, const Kernel &kernel, Value gridX, Value gridY, Value extraShared, Value gridZ = {});

  ImplicitLocOpBuilder b;

private:
  struct Argument {
    FptqGpuArgumentKind kind;
    Value value, host, bytes;
  };
  Value stack(int64_t bytes);
  void store(Value v, Value base, int64_t offset);

  Operation *op;
  SmallVector<Argument> arguments;
};

} // namespace mlir::fptq::nvptx

#endif // FPTQ_LIB_CONVERSION_FPTQTONVGPU_HOSTLAUNCH_H
