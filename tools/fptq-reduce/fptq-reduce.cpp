//===- fptq-reduce.cpp - mlir-reduce with the fptq dialect and passes -----===//
#include "ReductionPatterns.h"
#include "fptq/InitAll.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/LogicalResult.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"

using namespace mlir;

int main(int argc, char **argv) {
  DialectRegistry registry;
  fptq::registerAllDialects(registry);
  fptq::registerAllPasses();
  fptq::registerReductionPatterns(registry);
  MLIRContext context(registry);
  return failed(mlirReduceMain(argc, argv, context));
}
