//===- X86Pipeline.cpp - tensors to x86 code ------------------------------===//
#include "HostStages.h"
#include "RegisterPipeline.h"
#include "fptq-runtime/CpuTier.h"
#include "fptq/Conversion/FptqToX86/Passes.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "fptq/Pipelines/Pipelines.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mlir::fptq;

std::string mlir::fptq::allTiers() {
  std::string text;
  for (int tier = 0; tier < FPTQ_TIER_COUNT; ++tier)
    text += std::string(tier ? "+" : "") + fptq_tier_name(FptqTier(tier));
  return text;
}

std::string mlir::fptq::resolveTier(StringRef name) {
  return name == "auto" ? fptq_tier_name(fptq_cpu_tier()) : name.str();
}

LogicalResult mlir::fptq::checkTier(StringRef tier, function_ref<InFlightDiagnostic()> emitError) {
  const char *reason = "";
  for (int t = 0; t < FPTQ_TIER_COUNT; ++t)
    if (const char *lacks = fptq_cpu_lacks(static_cast<FptqTier>(t)); lacks && tier == fptq_tier_name(FptqTier(t)))
      return emitError() << "this machine cannot run tier '" << tier << "': " << lacks << "; its best is '"
                         << fptq_tier_name(fptq_cpu_detect(&reason)) << "', and '" << tier
                         << "-emulated' runs anywhere";
  return success();
}

/// The packed operations to calls of x86 kernels.
static void addX86Kernels(OpPassManager &pm, const X86PipelineOptions &options) {
  ConvertFptqToX86PassOptions kernels;
  SmallVector<StringRef> tiers;
  StringRef(options.tier).split(tiers, '+');
  kernels.tiers = llvm::map_to_vector(tiers, resolveTier);
  kernels.threads = options.threads;
  pm.addPass(createConvertFptqToX86Pass(kernels));
  pm.addPass(createFptqLowerX86OpsPass());
}

void mlir::fptq::buildX86Pipeline(OpPassManager &pm, const X86PipelineOptions &options) {
  auto fuseRows = [&](OpPassManager &pm) {
    FptqFuseRowsPassOptions rows;
    rows.threads = options.threads;
    pm.addNestedPass<func::FuncOp>(createFptqFuseRowsPass(rows));
  };
  auto addKernels = [&](OpPassManager &pm) { addX86Kernels(pm, options); };
  buildHostPipeline(pm, options, {"x86", fuseRows, addKernels});
}

void mlir::fptq::registerPipelines() {
  registerPipeline("fptq-observe-pipeline", "Float linalg with observers, to calibrate", buildObservePipeline);
  registerPipeline("fptq-quantize-pipeline", "Float linalg to 4-bit weights", buildQuantizePipeline);
  registerPipeline("fptq-x86-pipeline", "Tensors to the LLVM dialect for x86", buildX86Pipeline);
  registerNVPTXPipelines();
}
