//===- fptq-opt.cpp - mlir-opt with the fptq dialect, passes and pipelines ===//
#include "fptq/InitAll.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::fptq::registerAllDialects(registry);
  mlir::fptq::registerAllPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "quant-fptq: W4A8 quantization and lowering\n", registry));
}
