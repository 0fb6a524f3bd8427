//===- PrintLayers.cpp - fptq-print-layers --------------------------------===//
#include "fptq/Policy/LayerTable.h"
#include "fptq/Policy/Passes.h"
#include "fptq/Support/OutputFile.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQPRINTLAYERSPASS
#include "fptq/Policy/Passes.h.inc"

namespace {
struct FptqPrintLayersPass : impl::FptqPrintLayersPassBase<FptqPrintLayersPass> {
  using Base::Base;
  void runOnOperation() override;
};
} // namespace

/// `-` is stderr: stdout is the tool's own output, the IR.
static LogicalResult writeTo(StringRef path, ModuleOp module, llvm::function_ref<void(raw_ostream &)> write) {
  if (path == "-")
    write(llvm::errs());
  if (path.empty() || path == "-")
    return success();
  auto writeAll = [&](raw_ostream &os) { return write(os), llvm::Error::success(); };
  if (llvm::Error error = writeOutputFile(path, writeAll))
    return module.emitError() << "cannot write the layer table: " << llvm::toString(std::move(error));
  return success();
}

void FptqPrintLayersPass::runOnOperation() {
  std::vector<LayerRow> rows = layerRows(getOperation());
  if (failed(writeTo(text, getOperation(), [&](raw_ostream &os) { printLayerTable(rows, os); })) ||
      failed(writeTo(json, getOperation(), [&](raw_ostream &os) { os << llvm::formatv("{0:2}\n", layerTable(rows)); })))
    signalPassFailure();
  markAllAnalysesPreserved();
}

} // namespace mlir::fptq
