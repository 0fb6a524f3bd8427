//===- InitAll.cpp - the only registration list ---------------------------===//
#include "fptq/InitAll.h"
#include "fptq/Conversion/FptqToNVGPU/Passes.h"
#include "fptq/Conversion/FptqToX86/Passes.h"
#include "fptq/Conversion/GpuToSimulator/Passes.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/Equalize/Passes.h"
#include "fptq/Fuse/Passes.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Pack/Passes.h"
#include "fptq/Pipelines/Passes.h"
#include "fptq/Pipelines/Pipelines.h"
#include "fptq/Policy/Passes.h"
#include "fptq/Profile/Passes.h"
#include "fptq/Quantize/Passes.h"
#include "fptq/Raise/FrontendDialects.h"
#include "fptq/Raise/Passes.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

using namespace mlir;

void fptq::registerDialects(DialectRegistry &registry) {
  registry.insert<FptqDialect, nvptx::FptqGpuDialect, x86::FptqX86Dialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
  registerTilingInterfaceExternalModels(registry);
}

void fptq::registerAllDialects(DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  fptq::registerDialects(registry);
}

void fptq::registerToolDialects(DialectRegistry &registry) {
  fptq::registerAllDialects(registry);
  registerFrontendDialects(registry);
}

void fptq::registerPasses() {
  registerRaisePasses();
  registerProfilePasses();
  registerPolicyPasses();
  registerEqualizePasses();
  registerQuantizePasses();
  registerFusePasses();
  registerPackPasses();
  registerFptqToX86Passes();
  registerFptqToNVGPUPasses();
  registerGpuToSimulatorPasses();
  registerLinalgToVectorPasses();
  registerPipelinesPasses();
  registerPipelines();
}

void fptq::registerAllPasses() {
  mlir::registerAllPasses();
  fptq::registerPasses();
}
