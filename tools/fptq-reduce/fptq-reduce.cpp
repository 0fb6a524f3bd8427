//===- fptq-reduce.cpp - mlir-reduce with the fptq dialect and passes -----===//
#include "ReductionPatterns.h"
#include "fptq/InitAll.h"
#include "fptq/Support/ToolOptions.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"
#include "llvm/Support/LogicalResult.h"

using namespace mlir;

// fptq-reduce model.mlir --reduction-tree='traversal-mode=0 test=./interesting.sh' -o small.mlir
// The script gets a candidate's file and exits with 1 where it still shows what is looked for.
int main(int argc, char **argv) {
  DialectRegistry registry;
  fptq::registerToolDialects(registry);
  fptq::hideOptionsExcept({});        // libLLVM's; mlirReduceMain has not added its own yet
  if (!fptq::asksForHelp(argc, argv)) // --opt-reduction-pass takes any; help shows the reductions
    fptq::registerAllPasses();
  fptq::registerReductionPatterns(registry);
  MLIRContext context(registry);
  return failed(mlirReduceMain(argc, argv, context));
}
