//===- ModuleCommands.cpp - what comes out of a module --------------------===//
#include "Commands.h"
#include "fptq/IR/Fptq.h"
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
  fptq::registerAllDialects(registry);
  MLIRContext context(registry);
  ModuleFile file(path, context);
  return file.parse(kTool) && succeeded(run(file.get()));
}

/// One layer's bytes in `op`, which outlives the result.
static FailureOr<PackedWeight> packedWeightOf(PackedMatmulOp op) {
  DenseResourceElementsAttr constant;
  if (!matchPattern(op.getPacked(), m_Constant(&constant)) || !constant.getRawHandle().getBlob())
    return op.emitOpError() << "has packed bytes that are no resource (layer '" << op.getLayer() << "')";
  SchemeAttr scheme = op.getScheme();
  PackedWeight weight;
  weight.layer = op.getLayer().str();
  weight.layout = op.getLayout().getName().str();
  weight.bytes = constant.getRawHandle().getBlob()->getData();
  int64_t k = op.getK(), n = cast<ShapedType>(op.getInit().getType()).getDimSize(1);
  weight.shape = {n, k, scheme.groupSizeFor(k), scheme.getKind() == SchemeKind::TwoLevel, scheme.getSymmetric(), false};
  // (P9): f16 scales are told by the number of bytes.
  weight.shape.halfScales = (int64_t)weight.bytes.size() != packedBytes(weight.layout, weight.shape);
  return weight;
}

static LogicalResult writePacked(ModuleOp module, StringRef output) {
  std::vector<PackedWeight> weights;
  llvm::StringSet<> seen;
  WalkResult walked = module.walk([&](PackedMatmulOp op) {
    if (!seen.insert(op.getLayer()).second) // prefill and decode share their layers
      return WalkResult::advance();
    FailureOr<PackedWeight> weight = packedWeightOf(op);
    if (failed(weight))
      return WalkResult::interrupt();
    weights.push_back(std::move(*weight));
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  if (weights.empty())
    return module.emitError() << "has no quantized layer to export: run fptq-quantize-pipeline first";
  if (llvm::Error error = writePackedFile(output, weights, modelHash(module)))
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
