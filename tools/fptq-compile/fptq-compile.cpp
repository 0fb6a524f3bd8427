//===- fptq-compile.cpp - MLIR to an object file or a shared library ------===//
#include "fptq/InitAll.h"
#include "fptq/Support/ModuleFile.h"
#include "fptq/Support/ToolOptions.h"
#include "fptq/Target/EmitObject.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::fptq;
namespace cl = llvm::cl;

static constexpr char kOverview[] = R"(compile float or quantized MLIR ahead of time

  fptq-compile quantized.mlirbc -o model.o                            an object, and model.h beside it
  fptq-compile quantized.mlirbc -o model.so                           a library; every tier, picked when it is loaded
  fptq-compile quantized.mlirbc -o model.o --tier avx2 --no-threads   one tier, no OpenMP
)";

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  explainFatalErrors();
  cl::OptionCategory category("fptq-compile");
  cl::opt<std::string> file(cl::Positional, cl::Required, cl::desc("<model.mlir or .mlirbc>"), cl::cat(category));
  cl::opt<std::string> output("o", cl::Required, cl::desc("output: model.o (with model.h beside it) or model.so"),
                              cl::cat(category));
  EmitOptions options;
  cl::opt<std::string> tier("tier", cl::init(options.tier), cl::cat(category),
                            cl::desc("tiers in the artifact, joined by '+' (default: all)"));
  cl::opt<std::string> cpu("target-cpu", cl::init(options.cpu), cl::cat(category),
                           cl::desc("processor of everything but the kernels, or native (default: x86-64-v3)"));
  cl::opt<bool> serial("no-threads", cl::cat(category), cl::desc("no OpenMP"));
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, kOverview);
  options.tier = tier;
  options.cpu = cpu;
  options.threads = !serial;

  StringRef suffix = llvm::sys::path::extension(output);
  if (suffix == ".mlir" || suffix == ".mlirbc") { // a model, perhaps the very one that is compiled
    llvm::errs() << "fptq-compile: error: output '" << output << "': expected a name that ends with .o or .so\n";
    return 1;
  }
  DialectRegistry registry;
  registerToolDialects(registry);
  MLIRContext context(registry);
  ModuleFile module(file, context);
  if (!module.parse("fptq-compile"))
    return 1;
  return failed(suffix == ".so" ? emitSharedLibrary(module.get(), output, options)
                                : emitObject(module.get(), output, options));
}
