//===- Gpu.cpp - C interface: NVIDIA devices ------------------------------===//
#include "fptq-c/Gpu.h"
#include "Internal.h"
#include "fptq-runtime/GpuDevice.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir::fptq;

const char *fptqGpuDevice(FptqContext *context) {
  if (capi::isNull(context, __func__, "the context"))
    return nullptr;
  capi::Call call(context);
  FptqGpuDevice device;
  fptq_gpu_clear();
  fptq_gpu_remember_errors(1);
  if (fptq_gpu_open(0, &device))
    return call.fail(fptq_gpu_error());
  llvm::json::Object json{{"name", device.name},
                          {"chip", llvm::formatv("sm_{0}{1}", device.major, device.minor).str()},
                          {"shared_bytes", device.shared_bytes}};
  context->text = llvm::formatv("{0}", llvm::json::Value(std::move(json))).str();
  return context->text.c_str();
}

double fptqGpuTakeSeconds(void) { return fptq_gpu_take_seconds(); }
