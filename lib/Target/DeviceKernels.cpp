//===- DeviceKernels.cpp - kernels of an executable on the device ---------===//
#include "DeviceKernels.h"
#include "fptq-runtime/GpuDevice.h"
#include "fptq/Target/NVPTX.h"

#include <mutex>

using namespace mlir;
using namespace mlir::fptq;

/// Kernels are known by name to the whole process: the last one out turns off the light, before the next one comes in.
static int users = 0;
static int calls = 0;
static bool holdsStaleTemporaries = false; ///< of an executable that is no more
static std::mutex door;

/// With the door locked. A thread in a call may be between two launches, with what the first one left for the second.
static void forgetStaleTemporaries() {
  if (calls || !holdsStaleTemporaries)
    return;
  fptq_gpu_forget_temporaries();
  holdsStaleTemporaries = false;
}

DeviceKernels::DeviceKernels() {
  std::lock_guard guard(door);
  ++users;
}

DeviceKernels::~DeviceKernels() {
  std::lock_guard guard(door);
  if (!--users) {
    fptq_gpu_unload();
    return;
  }
  fptq_gpu_forget_constants(); // host addresses may be other constants' from now on
  holdsStaleTemporaries = true;
  forgetStaleTemporaries();
}

DeviceKernels::Call::Call() {
  std::lock_guard guard(door);
  ++calls;
}

DeviceKernels::Call::~Call() {
  std::lock_guard guard(door);
  --calls;
  forgetStaleTemporaries();
}

/// The first driver that knows PTX 8.4, which has wgmma of bytes of both signs.
static constexpr int kDriverOfWgmma = 12040;

/// Devices of sm_90 have instructions that only sm_90a's code uses; others run their own number's code, or sm_80's.
static std::string chipOf(const FptqGpuDevice &device, ModuleOp module) {
  int number = device.major * 10 + device.minor;
  std::string name = number == 90 ? "sm_90a" : "sm_" + std::to_string(number);
  if (number == 90 && device.driver < kDriverOfWgmma) {
    module.emitRemark()
        << "kernels are compiled for sm_90, without wgmma: sm_90a needs a driver of CUDA 12.4, this one is of "
        << device.driver / 1000 << "." << device.driver % 1000 / 10;
    return "sm_90";
  }
  MLIRContext scratch(MLIRContext::Threading::DISABLED);
  ScopedDiagnosticHandler silence(&scratch, [](Diagnostic &) { return success(); });
  auto error = [&] { return emitError(UnknownLoc::get(&scratch)); };
  return succeeded(nvptx::parseChip(name, error)) ? name : nvptx::Chip::kDefault.str();
}

FailureOr<std::unique_ptr<DeviceKernels>> DeviceKernels::open(ModuleOp module, GpuTier &tier) {
  FptqGpuDevice device;
  fptq_gpu_clear();
  fptq_gpu_remember_errors(1);
  if (fptq_gpu_open(0, &device))
    return module.emitError() << "tier 'nvptx' cannot run here: " << fptq_gpu_error();
  if (tier.chip.empty())
    tier.chip = chipOf(device, module);
  return std::unique_ptr<DeviceKernels>(new DeviceKernels);
}

LogicalResult DeviceKernels::load(ModuleOp module, StringRef chipName) {
  auto chip = nvptx::parseChip(chipName, [&] { return module.emitError(); });
  if (failed(chip))
    return failure();
  for (auto kernels : llvm::make_early_inc_range(module.getOps<gpu::GPUModuleOp>())) {
    FailureOr<std::string> ptx = translateToPTX(kernels, *chip);
    if (failed(ptx))
      return failure();
    if (fptq_gpu_load(ptx->c_str(), ptx->size() + 1, kernels.getName().str().c_str()))
      return module.emitError() << fptq_gpu_error();
    kernels.erase();
  }
  return success();
}
