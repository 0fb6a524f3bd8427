//===- fptq-lsp-server.cpp - MLIR's language server with the fptq dialect -===//
#include "fptq/InitAll.h"
#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/LogicalResult.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

// Editors start it over standard input and output: .vscode/settings.json names it as `mlir.server_path`.
int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::fptq::registerAllDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
