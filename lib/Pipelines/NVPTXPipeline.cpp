//===- NVPTXPipeline.cpp - tensors to host code and NVPTX kernels ---------===//
#include "HostStages.h"
#include "RegisterPipeline.h"
#include "fptq/Conversion/FptqToNVGPU/Passes.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::fptq;

void mlir::fptq::buildNVPTXDevicePipeline(OpPassManager &pm) {
  OpPassManager &device = pm.nest<gpu::GPUModuleOp>();
  device.addPass(createFptqLowerMathPass());
  device.addPass(createCanonicalizerPass());
  device.addPass(createCSEPass());
  device.addPass(createSCFToControlFlowPass());
  // Not the nvvm dialect: its conversion would write some operations as inline assembly, which no simulator reads.
  ConvertToLLVMPassOptions toLLVM;
  toLLVM.filterDialects = {"arith", "cf", "math"};
  device.addPass(createConvertToLLVMPass(toLLVM));
  device.addPass(createReconcileUnrealizedCastsPass());
}

static void addOutlineRows(OpPassManager &pm) { pm.addNestedPass<func::FuncOp>(createFptqOutlineRowsPass()); }

void mlir::fptq::buildNVPTXRowStages(OpPassManager &pm) {
  addLinalgStages(pm);
  addElementwiseFusion(pm);
  addOutlineRows(pm);
  pm.addNestedPass<func::FuncOp>(createFptqLowerMathPass());
}

void mlir::fptq::buildNVPTXPipeline(OpPassManager &pm, const NVPTXPipelineOptions &options) {
  std::string chip = options.chip, emit = options.emit;
  int64_t slices = options.slices;
  auto addKernels = [&](OpPassManager &pm) {
    pm.addPass(createConvertFptqToNVGPUPass({chip, slices}));
    buildNVPTXDevicePipeline(pm);
  };
  buildHostPipeline(pm, options, {"nvptx", addOutlineRows, addKernels});
  if (emit != "none")
    pm.addPass(createFptqEmitNVPTXPass({chip, emit}));
}

void mlir::fptq::registerNVPTXPipelines() {
  PassPipelineRegistration<>("fptq-nvptx-device-pipeline",
                             "The kernels of gpu.modules to the LLVM, nvvm and fptq_gpu dialects",
                             buildNVPTXDevicePipeline);
  registerPipeline("fptq-nvptx-pipeline", "Tensors to the LLVM dialect for the host, and NVPTX kernels",
                   buildNVPTXPipeline);
}
