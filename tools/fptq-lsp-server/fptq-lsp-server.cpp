//===- fptq-lsp-server.cpp - MLIR's language server with the fptq dialect -===//
#include "fptq/InitAll.h"
#include "fptq/Support/ToolOptions.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "llvm/Support/LogicalResult.h"

// Editors start it over standard input and output: .vscode/settings.json names it as `mlir.server_path`.
int main(int argc, char **argv) {
  mlir::fptq::hideOptionsExcept({}); // libLLVM's; the server has not added its own yet
  mlir::DialectRegistry registry;
  mlir::fptq::registerToolDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
