//===- EmitObject.cpp - object files, headers, shared libraries -----------===//
#include "fptq/Target/EmitObject.h"
#include "CHeader.h"
#include "Linker.h"
#include "Lowering.h"
#include "WeightSection.h"
#include "fptq/Pipelines/Pipelines.h"
#include "fptq/Support/OutputFile.h"
#include "fptq/Target/GpuTier.h"
#include "fptq/Target/LLVMPipeline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/IPO/Internalize.h"

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

/// Only the C interface keeps its name. A model's function is called `main` by many frontends: exported, it would be
/// taken for the program's that the code is linked to, or the program's for it.
static void exportEntriesOnly(llvm::Module &code, ArrayRef<EntryPoint> entries) {
  llvm::StringSet<> names;
  for (const EntryPoint &entry : entries)
    names.insert("_mlir_ciface_" + entry.name);
  llvm::internalizeModule(code, [&](const llvm::GlobalValue &value) { return names.contains(value.getName()); });
}

static FailureOr<Translated> translate(ModuleOp module, StringRef name, const EmitOptions &options) {
  Translated result;
  if (parseGpuTier(options.tier))
    return module.emitError() << "tier '" << options.tier
                              << "' has no object file: its kernels run in process (fptq-run), or as PTX on a device";
  std::string error;
  result.machine = targetMachine(options.cpu, error);
  if (!result.machine)
    return module.emitError() << "no code generator for x86-64: " << error;
  bool wide = result.machine->getMCSubtargetInfo()->checkFeatures("+avx512f");
  auto entries =
      lowerToLLVM(module, {options.tier, options.threads, /*slices=*/0, wide ? kAccumulators512 : kAccumulators256});
  if (failed(entries))
    return failure();
  result.entries = std::move(*entries);
  result.context = std::make_unique<llvm::LLVMContext>();
  result.code = translateModuleToLLVMIR(module, *result.context, name);
  if (!result.code)
    return failure();
  // Without both, LLVM guesses a layout and clears accumulators byte by byte.
  result.code->setDataLayout(result.machine->createDataLayout());
  result.code->setTargetTriple(result.machine->getTargetTriple());
  exportEntriesOnly(*result.code, result.entries);
  placeWeights(*result.code);
  return result;
}

/// The header goes beside `path`.
static llvm::Error writeHeaderBeside(StringRef path, ArrayRef<EntryPoint> entries) {
  SmallString<128> header(path);
  llvm::sys::path::replace_extension(header, "h");
  return writeHeader(entries, header);
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
  if (llvm::Error e = writeHeaderBeside(path, translated->entries))
    return fail(std::move(e));
  return success();
}

LogicalResult mlir::fptq::emitSharedLibrary(ModuleOp module, StringRef path, const EmitOptions &options) {
  auto emitError = [&] { return module.emitError(); };
  FailureOr<Linker> linker = Linker::find(emitError);
  if (failed(linker) || failed(checkFunctions(module)))
    return failure();
  FailureOr<Translated> translated = translate(module, llvm::sys::path::stem(path), options);
  if (failed(translated))
    return failure();
  auto fail = [&](llvm::Error e) { return emitError() << llvm::toString(std::move(e)); };
  if (llvm::Error e = optimize(*translated->code, *translated->machine))
    return fail(std::move(e));
  // Under a name of its own: model.o beside model.so may be somebody's.
  SmallString<128> object;
  if (std::error_code ec = llvm::sys::fs::createUniqueFile(path + ".%%%%%%.o", object))
    return fail(llvm::createFileError(path, ec));
  ScratchFile scratch(object);
  if (llvm::Error e = writeCode(*translated->code, *translated->machine, object))
    return fail(std::move(e));
  if (failed(linker->link(object, path, options.threads, emitError)))
    return failure();
  if (llvm::Error e = writeHeaderBeside(path, translated->entries))
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
  auto entries = lowerToLLVM(module, {options.tier, options.threads});
  if (failed(entries))
    return failure();
  if (llvm::Error e = writeHeader(*entries, path))
    return module.emitError() << llvm::toString(std::move(e));
  return success();
}
