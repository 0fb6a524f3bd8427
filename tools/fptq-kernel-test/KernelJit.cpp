//===- KernelJit.cpp - one weight format, compiled for one tier -----------===//
#include "KernelJit.h"
#include "fptq-runtime/CpuTier.h"
#include "fptq/Conversion/FptqToX86/Passes.h"
#include "fptq/InitAll.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::fptq;

/// Four functions: bit 0 with a bias, bit 1 with a residual.
static std::string source(const KernelKey &key) {
  std::string text = "#scheme = #fptq.scheme<" + std::string(key.twoLevel ? "two_level" : "group") +
                     ", group_size = " + std::to_string(key.group) +
                     ", symmetric = " + (key.symmetric ? "true" : "false") + ", method = rtn>\n";
  for (int i = 0; i < 4; ++i) {
    text += "func.func @f" + std::to_string(i) +
            "(%q: memref<?x?xi8, strided<[?, 1]>>, %xs: memref<?xf32>, %sums: memref<?x?xi32>, %w: memref<?xi8>, "
            "%bias: memref<?xf32>, %residual: memref<?x?xf32>, %y: memref<?x?xf32, strided<[?, 1], offset: ?>>) "
            "attributes {llvm.emit_c_interface} {\n"
            "  fptq.packed_matmul #scheme <\"x86\"> k(" + std::to_string(key.group) + ") layer(\"l\") "
            "ins(%q, %xs, %sums : memref<?x?xi8, strided<[?, 1]>>, memref<?xf32>, memref<?x?xi32>) weights(%w : memref<?xi8>) " +
            (i & 1 ? "bias(%bias : memref<?xf32>) " : "") + (i & 2 ? "residual(%residual : memref<?x?xf32>) " : "") +
            "outs(%y : memref<?x?xf32, strided<[?, 1], offset: ?>>) " + (key.halfScales ? "{half_scales}" : "") + "\n  return\n}\n";
  }
  return text;
}

static LogicalResult lower(ModuleOp module, const KernelKey &key) {
  PassManager pm(module.getContext());
  ConvertFptqToX86PassOptions options;
  options.tiers = {key.tier};
  options.threads = key.threads;
  pm.addPass(createConvertFptqToX86Pass(options));
  pm.addPass(createLowerX86OpsPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertOpenMPToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  return pm.run(module);
}

/// What the kernels' writer asks of LLVM: keep the loops as they are.
static llvm::Error keepLoops(llvm::Module *module, llvm::TargetMachine *machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graph, modules);
  llvm::ModulePassManager passes;
  if (llvm::Error error = builder.parsePassPipeline(
          passes, "always-inline,function(sroa,early-cse,instsimplify,loop-simplify,lcssa,loop(loop-rotate),"
                  "early-cse,simplifycfg)"))
    return error;
  passes.run(*module, modules);
  return llvm::Error::success();
}

static std::unique_ptr<llvm::TargetMachine> targetMachine() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  std::string error;
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(triple, llvm::sys::getHostCPUName(), "", llvm::TargetOptions(), llvm::Reloc::PIC_, {},
                                  llvm::CodeGenOptLevel::Aggressive));
}

llvm::Expected<std::unique_ptr<KernelJit>> KernelJit::create(const KernelKey &key) {
  static auto context = [] {
    DialectRegistry registry;
    registerAllDialects(registry);
    return std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  }();
  auto jit = std::make_unique<KernelJit>();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source(key), context.get());
  if (!module || failed(lower(*module, key)))
    return llvm::createStringError("the kernel does not compile");
  auto machine = targetMachine();
  auto transformer = [&](llvm::Module *m) { return keepLoops(m, machine.get()); };
  ExecutionEngineOptions options;
  options.transformer = transformer;
  options.jitCodeGenOptLevel = llvm::CodeGenOptLevel::Aggressive;
  options.enableObjectDump = true;
  SmallVector<StringRef> libraries;
  if (key.threads)
    libraries.push_back(FPTQ_OPENMP_LIBRARY);
  options.sharedLibPaths = libraries;
  auto engine = ExecutionEngine::create(*module, options, targetMachine());
  if (!engine)
    return engine.takeError();
  jit->engine = std::move(*engine);
  jit->engine->registerSymbols([](llvm::orc::MangleAndInterner interner) {
    llvm::orc::SymbolMap symbols;
    auto add = [&](StringRef name, auto *pointer) {
      symbols[interner(name)] = {llvm::orc::ExecutorAddr::fromPtr(pointer), llvm::JITSymbolFlags::Exported};
    };
    add("fptq_reference_matmul", &fptq_reference_matmul);
    add("fptq_reference_quantize", &fptq_reference_quantize);
    add("fptq_cpu_tier", &fptq_cpu_tier);
    return symbols;
  });
  for (int i = 0; i < 4; ++i) {
    auto symbol = jit->engine->lookup("_mlir_ciface_f" + std::to_string(i));
    if (!symbol)
      return symbol.takeError();
    jit->function[i] = reinterpret_cast<decltype(jit->function[i])>(*symbol);
  }
  return jit;
}

namespace {
template <int Rank> struct MemRef {
  void *allocated, *aligned;
  int64_t offset = 0, sizes[Rank], strides[Rank];
  MemRef(const void *p, int64_t n) : allocated(const_cast<void *>(p)), aligned(allocated), sizes{n}, strides{1} {}
  MemRef(const void *p, int64_t m, int64_t n, int64_t stride)
      : allocated(const_cast<void *>(p)), aligned(allocated), sizes{m, n}, strides{stride, 1} {}
};
} // namespace

void KernelJit::run(const FptqMatmul &mm, int64_t packedBytes) {
  MemRef<2> q(mm.q, mm.m, mm.q_stride, mm.q_stride), sums(mm.x_sums, mm.m, mm.groups, mm.sums_stride),
      residual(mm.residual, mm.m, mm.n, mm.residual_stride), y(mm.y, mm.m, mm.n, mm.y_stride);
  MemRef<1> xScales(mm.x_scales, mm.m), packed(mm.packed, packedBytes), bias(mm.bias, mm.n);
  function[(mm.bias ? 1 : 0) + (mm.residual ? 2 : 0)](&q, &xScales, &sums, &packed, &bias, &residual, &y);
}
