//===- CudaTools.cpp - ptxas and fatbinary, where they are found ----------===//
#include "CudaTools.h"
#include "ExternalTool.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace mlir::fptq;

std::optional<std::string> mlir::fptq::findCudaTool(StringRef name) {
  if (auto found = llvm::sys::findProgramByName(name))
    return *found;
  for (StringRef variable : {"CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"})
    if (auto root = llvm::sys::Process::GetEnv(variable)) {
      SmallString<128> folder(*root);
      llvm::sys::path::append(folder, "bin");
      if (auto found = llvm::sys::findProgramByName(name, {folder.str()}))
        return *found;
    }
  return std::nullopt;
}

/// The number before `word` in `line`.
static std::optional<int64_t> numberBefore(StringRef line, StringRef word) {
  size_t at = line.find(word);
  if (at == StringRef::npos)
    return std::nullopt;
  StringRef before = line.take_front(at).rtrim();
  int64_t value;
  if (before.rsplit(' ').second.getAsInteger(10, value))
    return std::nullopt;
  return value;
}

/// Reads "Compiling entry function 'NAME' for ...", "... N bytes spill stores, M bytes spill loads", "Used N
/// registers".
static void readFigures(StringRef log, NVPTXCode &code) {
  NVPTXKernel *kernel = nullptr;
  while (!log.empty()) {
    StringRef line;
    std::tie(line, log) = log.split('\n');
    if (line.contains("Compiling entry function '")) {
      StringRef name = line.split('\'').second.split('\'').first;
      auto found = llvm::find_if(code.kernels, [&](const NVPTXKernel &k) { return k.name == name; });
      kernel = found == code.kernels.end() ? nullptr : &*found;
    }
    if (!kernel)
      continue;
    if (auto stores = numberBefore(line, " bytes spill stores"))
      kernel->spillBytes = *stores + numberBefore(line, " bytes spill loads").value_or(0);
    if (auto registers = numberBefore(line, " registers"))
      kernel->registers = registers;
  }
}

llvm::Error mlir::fptq::assemble(StringRef ptxas, NVPTXCode &code) {
  auto ptx = TemporaryFile::create("ptx", code.ptx), cubin = TemporaryFile::create("cubin");
  if (!ptx)
    return ptx.takeError();
  if (!cubin)
    return cubin.takeError();
  std::string arch = "-arch=" + code.chip.name;
  auto log = runTool(ptxas, {"-v", arch, ptx->path(), "-o", cubin->path()});
  if (!log)
    return log.takeError();
  readFigures(*log, code);
  code.cubin = cubin->read();
  return llvm::Error::success();
}

FailureOr<std::string> mlir::fptq::makeFatbin(ArrayRef<NVPTXCode> codes, function_ref<InFlightDiagnostic()> emitError) {
  std::optional<std::string> tool = findCudaTool("fatbinary");
  if (!tool)
    return emitError()
           << "no fatbinary on PATH nor in CUDA_HOME, CUDA_PATH or CUDA_ROOT: a fatbin needs it, PTX does not";
  auto fail = [&](llvm::Error e) { return emitError() << llvm::toString(std::move(e)); };
  std::vector<TemporaryFile> files;
  std::vector<std::string> images;
  auto add = [&](StringRef kind, StringRef chip, StringRef content) -> llvm::Error {
    auto file = TemporaryFile::create(kind, content);
    if (!file)
      return file.takeError();
    images.push_back(("--image3=kind=" + kind + ",sm=" + chip.drop_front(3) + ",file=" + file->path()).str());
    files.push_back(std::move(*file));
    return llvm::Error::success();
  };
  bool hasPtx = false;
  for (const NVPTXCode &code : codes) {
    if (llvm::Error e = add("elf", code.chip.name, code.cubin))
      return fail(std::move(e));
    // Code of a chip like sm_90a runs on that chip only; PTX of the others is what newer chips compile when they load
    // it.
    if (!hasPtx && isdigit(code.chip.name.back())) {
      if (llvm::Error e = add("ptx", code.chip.name, code.ptx))
        return fail(std::move(e));
      hasPtx = true;
    }
  }
  auto output = TemporaryFile::create("fatbin");
  if (!output)
    return fail(output.takeError());
  std::string create = ("--create=" + output->path()).str();
  SmallVector<StringRef> arguments = {"-64", create};
  llvm::append_range(arguments, images);
  auto log = runTool(*tool, arguments);
  if (!log)
    return fail(log.takeError());
  return output->read();
}
