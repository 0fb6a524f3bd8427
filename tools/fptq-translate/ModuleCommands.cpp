//===- ModuleCommands.cpp - what comes out of a module --------------------===//
#include "Commands.h"
#include "fptq/IR/PackedShape.h"
#include "fptq/InitAll.h"
#include "fptq/Pack/PackedFile.h"
#include "fptq/Pack/Passes.h"
#include "fptq/Support/ModelHash.h"
#include "fptq/Support/ModuleFile.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::fptq;

static constexpr char kTool[] = "fptq-translate";

/// Parses `path` in a context that knows everything, and calls `run` on the module.
static bool withModule(StringRef path, llvm::function_ref<LogicalResult(ModuleOp)> run) {
  DialectRegistry registry;
  fptq::registerToolDialects(registry);
  MLIRContext context(registry);
  ModuleFile file(path, context);
  return file.parse(kTool) && succeeded(run(file.get()));
}

/// The resource that `layer` reads; an error names the layer.
static FailureOr<DenseResourceElementsAttr> packedBytesOf(LayerOpInterface layer) {
  DenseResourceElementsAttr constant;
  if (matchPattern(layer.getPacked(), m_Constant(&constant)) && constant.getRawHandle().getBlob())
    return constant;
  return layer->emitOpError() << "has packed bytes that are no resource (layer '" << layer.getLayer() << "')";
}

/// The weight of `layer`, its bytes in the IR, which outlives the result.
static PackedWeight packedWeight(LayerOpInterface layer, DenseResourceElementsAttr constant) {
  PackedWeight weight;
  weight.layer = layer.getLayer().str();
  weight.layout = layer.getLayoutAttr().getLayout();
  weight.bytes = constant.getRawHandle().getBlob()->getData();
  weight.shape = packedShape(layer.getSchemeAttr(), layer.getLayoutAttr(), layer.getWeightRows(),
                             layer.getWeightColumns(), weight.bytes.size());
  return weight;
}

/// The packed weights of `module`; a lookup that reads those of its tied head adds none.
static FailureOr<std::vector<PackedWeight>> packedWeights(ModuleOp module) {
  std::vector<PackedWeight> weights;
  llvm::StringSet<> layers; // prefill and decode share theirs
  llvm::DenseSet<Attribute> written;
  bool ok = true;
  auto addAll = [&](LayerKind kind) {
    module.walk([&](LayerOpInterface layer) {
      if (!layer.getPacked() || layer.getLayerKind() != kind)
        return;
      FailureOr<DenseResourceElementsAttr> constant = packedBytesOf(layer);
      ok &= succeeded(constant);
      if (failed(constant) || !layers.insert(layer.getLayer()).second)
        return;
      if (written.insert(*constant).second || kind == LayerKind::Linear)
        weights.push_back(packedWeight(layer, *constant));
    });
  };
  addAll(LayerKind::Linear); // a tied table is called like its head
  addAll(LayerKind::Lookup);
  if (!ok)
    return failure();
  return weights;
}

static LogicalResult writePacked(ModuleOp module, StringRef output) {
  FailureOr<std::vector<PackedWeight>> weights = packedWeights(module);
  if (failed(weights))
    return failure();
  if (weights->empty())
    return module.emitError() << "has no quantized layer to export: run fptq-quantize-pipeline first";
  if (llvm::Error error = writePackedFile(output, *weights, modelHash(module)))
    return module.emitError() << llvm::toString(std::move(error));
  return success();
}

bool mlir::fptq::exportPacked(StringRef input, StringRef output, StringRef layout) {
  return withModule(input, [&](ModuleOp module) {
    PassManager pm(module.getContext(), ModuleOp::getOperationName());
    FptqPackPassOptions options;
    options.layout = layout.str();
    pm.addPass(createFptqPackPass(options)); // leaves what is packed already
    return failed(pm.run(module)) ? failure() : writePacked(module, output);
  });
}

bool mlir::fptq::exportLLVMIR(StringRef input, StringRef output, const EmitOptions &options, bool optimized) {
  return withModule(input, [&](ModuleOp module) { return emitLLVMIR(module, output, options, optimized); });
}

bool mlir::fptq::exportHeader(StringRef input, StringRef output, const EmitOptions &options) {
  return withModule(input, [&](ModuleOp module) { return emitHeader(module, output, options); });
}
