//===- DeviceKernels.h - kernels of an executable on the device -*- C++ -*-===//
#ifndef FPTQ_LIB_TARGET_DEVICEKERNELS_H
#define FPTQ_LIB_TARGET_DEVICEKERNELS_H

#include "fptq/Target/GpuTier.h"
#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace mlir::fptq {

/// Holds the device open and kernels loaded while it lives.
class DeviceKernels {
public:
  /// Opens the device, and completes `tier` with its chip where it names none.
  static FailureOr<std::unique_ptr<DeviceKernels>> open(ModuleOp module, GpuTier &tier);
  ~DeviceKernels();

  /// A call of compiled code, of whichever executable: while it lasts, no temporary on the device goes.
  struct Call {
    Call();
    ~Call();
  };

  /// Compiles the gpu.modules in `module` to PTX, hands them to the driver, and erases them.
  LogicalResult load(ModuleOp module, StringRef chip);

private:
  DeviceKernels();
};

} // namespace mlir::fptq

#endif // FPTQ_LIB_TARGET_DEVICEKERNELS_H
