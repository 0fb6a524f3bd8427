//===- SimulatedKernel.cpp - a kernel's text, run on the simulator --------===//
#include "SimulatedKernel.h"
#include "../../lib/Runtime/GpuSimulator/SimulatorCalls.h"
#include "fptq-runtime/GpuSimulator.h"
#include "fptq/Conversion/GpuToSimulator/Passes.h"
#include "fptq/InitAll.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace fptq_test;

MLIRContext &fptq_test::context() {
  static auto made = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    DialectRegistry registry;
    mlir::fptq::registerAllDialects(registry);
    return std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  }();
  return *made;
}

SimulatedKernel::SimulatedKernel(const std::string &parameters, const std::string &body, const std::string &globals,
                                 std::function<void(ModuleOp)> mutate) {
  std::string text = "gpu.module @device {\n" + globals + "\nllvm.func @k(" + parameters +
                     ") attributes {gpu.kernel, nvvm.kernel} {\n" + body + "\nllvm.return\n}\n}\n" + R"(
llvm.func @fptq_gpu_launch(!llvm.ptr)
llvm.func @run(%launch: !llvm.ptr) {
  llvm.call @fptq_gpu_launch(%launch) : (!llvm.ptr) -> ()
  llvm.return
})";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context());
  if (!module)
    return;
  if (mutate)
    mutate(*module);
  PassManager pm(&context());
  pm.addPass(mlir::fptq::createFptqSimulateGpuPass());
  if (failed(pm.run(*module)))
    return;
  ExecutionEngineOptions options;
  auto transformer = makeOptimizingTransformer(2, 0, nullptr);
  options.transformer = transformer;
  auto made = ExecutionEngine::create(*module, options);
  if (!made) {
    llvm::consumeError(made.takeError());
    return;
  }
  engine = std::move(*made);
  engine->registerSymbols([](llvm::orc::MangleAndInterner intern) {
    llvm::orc::SymbolMap symbols;
    for (const FptqSimSymbol *s = fptq_sim_symbols; s->name; ++s)
      symbols[intern(s->name)] = {llvm::orc::ExecutorAddr::fromPtr(const_cast<void *>(s->address)),
                                  llvm::JITSymbolFlags::Exported};
    return symbols;
  });
}

SimulatedKernel::~SimulatedKernel() = default;

std::string SimulatedKernel::launch(std::vector<FptqGpuArgument> arguments, int64_t threads, int64_t sharedBytes,
                                    int64_t blocks) {
  if (!engine)
    return "does not compile";
  auto run = engine->lookup("run");
  if (!run)
    return llvm::toString(run.takeError());
  FptqGpuLaunch launch = {
      "k", {blocks, 1, 1}, {threads, 1, 1}, sharedBytes, int64_t(arguments.size()), arguments.data()};
  fptq_sim_clear();
  reinterpret_cast<void (*)(FptqGpuLaunch *)>(*run)(&launch);
  const char *error = fptq_sim_error();
  return error ? error : "";
}
