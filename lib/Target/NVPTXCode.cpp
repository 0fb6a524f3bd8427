//===- NVPTXCode.cpp - kernels to PTX -------------------------------------===//
#include "CudaTools.h"
#include "fptq/Conversion/FptqToNVGPU/Kernels.h"
#include "fptq/Conversion/FptqToNVGPU/Passes.h"
#include "fptq/Target/LLVMPipeline.h"
#include "fptq/Target/NVPTX.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::fptq;

FailureOr<NVPTXFormat> mlir::fptq::parseNVPTXFormat(StringRef name, function_ref<InFlightDiagnostic()> emitError) {
  static constexpr StringLiteral kNames[] = {"ptx", "cubin", "fatbin"};
  for (auto [i, known] : llvm::enumerate(kNames))
    if (name == known)
      return NVPTXFormat(i);
  return emitError() << "unknown format '" << name << "', expected ptx, cubin or fatbin";
}

static std::unique_ptr<llvm::TargetMachine> targetMachine(const nvptx::Chip &chip, std::string &error) {
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
  llvm::Triple triple("nvptx64-nvidia-cuda");
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict; // a product and a sum round twice (PackedLayout.md, A3)
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, chip.name, chip.features, options, std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// wgmma, setmaxnreg and others that are inline assembly are for whole warps, which the LLVM dialect's operation cannot
/// say: LLVM might duplicate one under a condition that lanes disagree on. Clang marks all assembly of a device so.
static void markAssemblyConvergent(llvm::Module &code) {
  for (llvm::Function &function : code)
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *call = dyn_cast<llvm::CallBase>(&instruction); call && call->isInlineAsm())
        call->setConvergent();
}

FailureOr<std::string> mlir::fptq::translateToPTX(gpu::GPUModuleOp module, const nvptx::Chip &chip) {
  PassManager pm(module.getContext(), gpu::GPUModuleOp::getOperationName());
  pm.addPass(createFptqLowerGpuOpsPass());
  pm.addPass(createConvertNVVMToLLVMPass()); // what has no intrinsic becomes inline assembly
  pm.addPass(createReconcileUnrealizedCastsPass());
  if (failed(pm.run(module)))
    return failure();
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = targetMachine(chip, error);
  if (!machine)
    return module.emitError() << "no code generator for NVPTX: " << error;
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translateModuleToLLVMIR(module, context, module.getName());
  if (!code)
    return failure();
  code->setDataLayout(machine->createDataLayout());
  code->setTargetTriple(machine->getTargetTriple());
  markAssemblyConvergent(*code);
  if (llvm::Error e = optimize(*code, *machine))
    return module.emitError() << llvm::toString(std::move(e));
  llvm::SmallVector<char, 0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return module.emitError() << "the NVPTX code generator emits no assembly";
  passes.run(*code);
  return std::string(text.begin(), text.end());
}

static std::vector<NVPTXKernel> kernelsOf(gpu::GPUModuleOp module) {
  std::vector<NVPTXKernel> kernels;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    auto launch = function->getAttrOfType<DictionaryAttr>(nvptx::kLaunchAttr);
    if (!launch)
      continue;
    NVPTXKernel kernel;
    kernel.name = function.getSymName().str();
    kernel.threads = launch.getAs<IntegerAttr>("threads").getInt();
    kernel.sharedBytes = launch.getAs<IntegerAttr>("shared_bytes").getInt();
    kernel.tile = launch.getAs<StringAttr>("tile").str();
    kernels.push_back(std::move(kernel));
  }
  return kernels;
}

FailureOr<NVPTXCode> mlir::fptq::compileForChip(gpu::GPUModuleOp module, const nvptx::Chip &chip, bool needsCubin) {
  NVPTXCode code{chip, "", "", kernelsOf(module)};
  FailureOr<std::string> ptx = translateToPTX(module, chip);
  if (failed(ptx))
    return failure();
  code.ptx = std::move(*ptx);
  std::optional<std::string> ptxas = findCudaTool("ptxas");
  if (!ptxas && needsCubin)
    return module.emitError()
           << "no ptxas on PATH nor in CUDA_HOME, CUDA_PATH or CUDA_ROOT: a cubin needs it, PTX does not";
  if (!ptxas)
    return code;
  if (llvm::Error e = assemble(*ptxas, code)) {
    std::string message = llvm::toString(std::move(e));
    if (needsCubin)
      return module.emitError() << message;
    module.emitWarning() << message << "; the kernels' registers are not known";
  }
  return code;
}
