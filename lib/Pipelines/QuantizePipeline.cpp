//===- QuantizePipeline.cpp - float linalg to 4-bit weights, on one page --===//
#include "VerifyStage.h"
#include "fptq/Equalize/Passes.h"
#include "fptq/Fuse/Passes.h"
#include "fptq/Pipelines/Passes.h"
#include "fptq/Pipelines/Pipelines.h"
#include "fptq/Policy/Passes.h"
#include "fptq/Profile/Passes.h"
#include "fptq/Quantize/Passes.h"
#include "fptq/Raise/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::fptq;

/// Up to the linears and their names. One order for calibration and quantization: an unnamed layer is called after its
/// place, which a product that is dead or computed twice would move.
static void addRaise(OpPassManager &pm, StringRef names, bool strict) {
  pm.addPass(createFptqImportFrontendPass());
  pm.addPass(createFptqUnrollLayersPass()); // of stacks of codes, too
  FptqImportQuantPassOptions import;
  import.strict = strict;
  pm.addPass(createFptqImportQuantPass(import)); // before canonicalization, which folds casts away
  pm.addPass(createInlinerPass());               // weights that are a function's arguments; jax outlines silu and where
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  FptqRaisePassOptions raise;
  raise.names = names.str();
  pm.addPass(createFptqRaisePass(raise));
  pm.addPass(createConvertElementwiseToLinalgPass()); // arith on tensors, which equalization would not pass
}

void mlir::fptq::buildObservePipeline(OpPassManager &pm, const ObservePipelineOptions &options) {
  addRaise(pm, options.names.getValue(), options.strict);
  pm.addPass(createFptqInsertObserversPass());
}

void mlir::fptq::buildQuantizePipeline(OpPassManager &pm, const QuantizePipelineOptions &options) {
  addRaise(pm, options.names.getValue(), options.strict);
  addVerifyStage(pm, "raised");

  if (!options.profile.empty()) {
    FptqAttachProfilePassOptions profile;
    profile.profile = options.profile;
    profile.strict = options.strict;
    pm.addPass(createFptqAttachProfilePass(profile));
    if (options.strict)
      addVerifyStage(pm, "profiled");
  }

  FptqChoosePolicyPassOptions policy;
  policy.policy = options.policy;
  policy.v0 = options.v0;
  policy.v1 = options.v1;
  policy.recipe = options.recipe;
  policy.scheme = options.scheme;
  policy.groupSize = options.groupSize;
  policy.symmetric = options.symmetric;
  policy.method = options.method;
  policy.ragged = options.ragged;
  policy.keepFloat = options.keepFloat;
  policy.strict = options.strict;
  pm.addPass(createFptqChoosePolicyPass(policy));
  addVerifyStage(pm, "decided");

  FptqEqualizePassOptions equalize;
  equalize.formula = options.formula;
  equalize.alpha = options.alpha;
  equalize.minScale = options.minScale;
  equalize.strict = options.strict;
  pm.addPass(createFptqEqualizePass(equalize));

  FptqQuantizeWeightsPassOptions quantize;
  quantize.parametersOut = options.parametersOut;
  quantize.resume = options.resume;
  quantize.scaleType = options.scaleType;
  quantize.progress = options.progress;
  pm.addPass(createFptqQuantizeWeightsPass(quantize));
  addVerifyStage(pm, "quantized");
  pm.addPass(createFptqFusePass());
}
