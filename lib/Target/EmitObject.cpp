//===- EmitObject.cpp - object files, headers, shared libraries -----------===//
#include "fptq/Target/EmitObject.h"
#include "CHeader.h"
#include "Lowering.h"
#include "WeightSection.h"
#include "fptq/Support/OutputFile.h"
#include "fptq/Target/GpuTier.h"
#include "fptq/Target/LLVMPipeline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

#include <dlfcn.h>

using namespace mlir;
using namespace mlir::fptq;

static std::unique_ptr<llvm::TargetMachine> targetMachine(StringRef cpu, std::string &error) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  if (cpu == "native")
    cpu = llvm::sys::getHostCPUName();
  // LLVM itself would go on with a warning on stderr, or end the program.
  std::unique_ptr<llvm::MCSubtargetInfo> processors(target->createMCSubtargetInfo(triple, "", ""));
  if (!processors->isCPUStringValid(cpu)) {
    error = ("unknown processor '" + cpu + "'").str();
    return nullptr;
  }
  std::unique_ptr<llvm::MCSubtargetInfo> processor(target->createMCSubtargetInfo(triple, cpu, ""));
  if (!processor->checkFeatures("+64bit")) {
    error = ("processor '" + cpu + "' has no 64-bit mode").str();
    return nullptr;
  }
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, cpu, "", llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

static llvm::Error writeCode(llvm::Module &module, llvm::TargetMachine &machine, StringRef path) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("this target emits no object files");
  passes.run(module);
  return writeOutputFile(path, [&](llvm::raw_ostream &os) {
    os.write(bytes.data(), bytes.size());
    return llvm::Error::success();
  });
}

static llvm::Error writeHeader(ArrayRef<EntryPoint> entries, StringRef path) {
  std::string guard = "FPTQ_";
  for (char c : llvm::sys::path::filename(path))
    guard += llvm::isAlnum(c) ? llvm::toUpper(c) : '_';
  return writeOutputFile(path, [&](llvm::raw_ostream &os) {
    os << cHeader(entries, guard);
    return llvm::Error::success();
  });
}

namespace {
/// A module on its way to machine code. `context` owns `code`.
struct Translated {
  std::vector<EntryPoint> entries;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> code;
};
} // namespace

/// A C program can call what is emitted, and there is something to call.
static LogicalResult checkFunctions(ModuleOp module) {
  static const llvm::Regex identifier("^[A-Za-z_][A-Za-z0-9_]*$");
  bool any = false;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isExternal())
      continue;
    any = true;
    if (!identifier.match(function.getSymName()))
      return function.emitError() << "public function '" << function.getSymName()
                                  << "' has a name that no C function can have";
  }
  return any ? success() : module.emitError() << "the module has no public function";
}

static FailureOr<Translated> translate(ModuleOp module, StringRef name, const EmitOptions &options) {
  Translated result;
  if (parseGpuTier(options.tier))
    return module.emitError() << "tier '" << options.tier
                              << "' has no object file: its kernels run in process (fptq-run), or as PTX on a device";
  auto entries = lowerToLLVM(module, options.tier, options.threads);
  if (failed(entries))
    return failure();
  result.entries = std::move(*entries);
  std::string error;
  result.machine = targetMachine(options.cpu, error);
  if (!result.machine)
    return module.emitError() << "no code generator for x86-64: " << error;
  result.context = std::make_unique<llvm::LLVMContext>();
  result.code = translateModuleToLLVMIR(module, *result.context, name);
  if (!result.code)
    return failure();
  // Without both, LLVM guesses a layout and clears accumulators byte by byte.
  result.code->setDataLayout(result.machine->createDataLayout());
  result.code->setTargetTriple(result.machine->getTargetTriple());
  placeWeights(*result.code);
  return result;
}

LogicalResult mlir::fptq::emitObject(ModuleOp module, StringRef path, const EmitOptions &options) {
  if (failed(checkFunctions(module)))
    return failure();
  FailureOr<Translated> translated = translate(module, llvm::sys::path::stem(path), options);
  if (failed(translated))
    return failure();
  auto fail = [&](llvm::Error e) { return module.emitError() << llvm::toString(std::move(e)); };
  if (llvm::Error e = optimize(*translated->code, *translated->machine))
    return fail(std::move(e));
  if (llvm::Error e = writeCode(*translated->code, *translated->machine, path))
    return fail(std::move(e));
  SmallString<128> header(path);
  llvm::sys::path::replace_extension(header, "h");
  if (llvm::Error e = writeHeader(translated->entries, header))
    return fail(std::move(e));
  return success();
}

LogicalResult mlir::fptq::emitLLVMIR(ModuleOp module, StringRef path, const EmitOptions &options, bool optimized) {
  FailureOr<Translated> translated = translate(module, llvm::sys::path::stem(path), options);
  if (failed(translated))
    return failure();
  auto fail = [&](llvm::Error e) { return module.emitError() << llvm::toString(std::move(e)); };
  if (optimized)
    if (llvm::Error e = optimize(*translated->code, *translated->machine))
      return fail(std::move(e));
  auto print = [&](llvm::raw_ostream &os) { return translated->code->print(os, nullptr), llvm::Error::success(); };
  if (llvm::Error e = writeOutputFile(path, print))
    return fail(std::move(e));
  return success();
}

LogicalResult mlir::fptq::emitHeader(ModuleOp module, StringRef path, const EmitOptions &options) {
  if (failed(checkFunctions(module)))
    return failure();
  auto entries = lowerToLLVM(module, options.tier, options.threads);
  if (failed(entries))
    return failure();
  if (llvm::Error e = writeHeader(*entries, path))
    return module.emitError() << llvm::toString(std::move(e));
  return success();
}

/// libfptq-runtime.a, which lies beside this code (libFPTQ-C.so) or in the lib folder beside the program's, in a build
/// and in an installed copy alike; "" where it does not.
static std::string runtimeLibrary() {
  const void *here = reinterpret_cast<const void *>(&runtimeLibrary);
  Dl_info self = {};
  dladdr(here, &self); // a library's path; of a program only what it was called by
  for (std::string file : {std::string(self.dli_fname ? self.dli_fname : ""),
                           llvm::sys::fs::getMainExecutable(nullptr, const_cast<void *>(here))}) {
    SmallString<256> real;
    if (llvm::sys::fs::real_path(file, real))
      continue;
    for (StringRef place : {"", "../" FPTQ_LIBDIR, "../lib"}) {
      SmallString<256> path(llvm::sys::path::parent_path(real));
      llvm::sys::path::append(path, place, "libfptq-runtime.a");
      if (llvm::sys::fs::exists(path))
        return std::string(path);
    }
  }
  return "";
}

LogicalResult mlir::fptq::linkSharedLibrary(ModuleOp module, StringRef object, StringRef path,
                                            const EmitOptions &options) {
  auto compiler = llvm::sys::findProgramByName("clang-22");
  if (!compiler)
    compiler = llvm::sys::findProgramByName("cc");
  if (!compiler)
    return module.emitError() << "no clang-22 and no cc on PATH to link '" << path << "'";
  std::string runtime = runtimeLibrary();
  if (runtime.empty())
    return module.emitError() << "no libfptq-runtime.a beside quant-fptq's library to link '" << path
                              << "' with: emit an object file and link it with an installed copy's";
  std::string partial = (path + ".partial").str(), message;
  SmallVector<StringRef> arguments = {*compiler, "-shared", "-o", partial, object, runtime, "-lm"};
  if (options.threads)
    arguments.push_back(FPTQ_LIBOMP);
  if (llvm::sys::ExecuteAndWait(*compiler, arguments, std::nullopt, {}, 0, 0, &message) != 0) {
    llvm::sys::fs::remove(partial);
    return module.emitError() << "linking '" << path << "' with " << *compiler << " failed " << message;
  }
  if (std::error_code ec = llvm::sys::fs::rename(partial, path))
    return module.emitError() << path << ": " << ec.message();
  return success();
}
