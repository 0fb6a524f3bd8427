//===- LLVMPipeline.cpp - LLVM's passes for models and kernels ------------===//
#include "fptq/Target/LLVMPipeline.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Passes/StandardInstrumentations.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir::fptq;

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> mlir::fptq::hostTargetMachine() {
  static bool once = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    return true;
  }();
  (void)once;
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  builder->setCodeGenOptLevel(llvm::CodeGenOptLevel::Aggressive);
  builder->setRelocationModel(llvm::Reloc::PIC_);
  return builder->createTargetMachine();
}

namespace {
/// The analysis managers that every pipeline needs, wired together.
struct Managers {
  llvm::LoopAnalysisManager loop;
  llvm::FunctionAnalysisManager function;
  llvm::CGSCCAnalysisManager scc;
  llvm::ModuleAnalysisManager module;
  llvm::PassInstrumentationCallbacks callbacks;
  llvm::StandardInstrumentations instrumentations;
  llvm::PassBuilder builder;

  Managers(llvm::Module &m, llvm::TargetMachine &machine)
      // Registers the instrumentation that keeps passes away from optnone functions.
      : instrumentations(m.getContext(), /*DebugLogging=*/false),
        builder(&machine, llvm::PipelineTuningOptions(), std::nullopt, &callbacks) {
    instrumentations.registerCallbacks(callbacks, &module);
    builder.registerModuleAnalyses(module);
    builder.registerCGSCCAnalyses(scc);
    builder.registerFunctionAnalyses(function);
    builder.registerLoopAnalyses(loop);
    builder.crossRegisterProxies(loop, function, scc, module);
  }
};
} // namespace

static constexpr char kKernelPipeline[] =
    "sroa,early-cse,instsimplify,loop-simplify,lcssa,loop(loop-rotate),early-cse,simplifycfg";

static bool isKernel(const llvm::Function &f) { return !f.isDeclaration() && f.hasFnAttribute(kKernelAttribute); }

static llvm::Error optimizeKernels(llvm::Module &module, llvm::TargetMachine &machine) {
  Managers managers(module, machine);
  llvm::ModulePassManager inliner;
  if (llvm::Error e = managers.builder.parsePassPipeline(inliner, "always-inline"))
    return e;
  inliner.run(module, managers.module);
  llvm::FunctionPassManager passes;
  if (llvm::Error e = managers.builder.parsePassPipeline(passes, kKernelPipeline))
    return e;
  for (llvm::Function &f : module)
    if (isKernel(f))
      passes.run(f, managers.function);
  return llvm::Error::success();
}

llvm::Error mlir::fptq::optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::SmallVector<llvm::Function *> kernels;
  for (llvm::Function &f : module)
    if (isKernel(f))
      kernels.push_back(&f);
  if (!kernels.empty())
    if (llvm::Error e = optimizeKernels(module, machine))
      return e;
  // -O3 sees only the model: optnone keeps it away from kernels, and goes before code generation.
  for (llvm::Function *f : kernels) {
    f->addFnAttr(llvm::Attribute::OptimizeNone);
    f->addFnAttr(llvm::Attribute::NoInline);
  }
  Managers managers(module, machine);
  managers.builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, managers.module);
  for (llvm::Function &f : module)
    if (isKernel(f))
      f.removeFnAttr(llvm::Attribute::OptimizeNone);
  return llvm::Error::success();
}
