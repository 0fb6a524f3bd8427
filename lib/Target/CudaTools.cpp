//===- CudaTools.cpp - ptxas and fatbinary, where they are found ----------===//
#include "CudaTools.h"
#include "fptq/Support/OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

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

namespace {
/// A file that is gone when this is.
class TemporaryFile {
public:
  static llvm::Expected<TemporaryFile> create(StringRef suffix, StringRef content = "") {
    TemporaryFile file;
    int descriptor;
    if (std::error_code ec = llvm::sys::fs::createTemporaryFile("fptq", suffix, descriptor, file.name))
      return llvm::createStringError(ec, "cannot make a temporary file: " + ec.message());
    file.scratch = std::make_unique<ScratchFile>(file.name);
    llvm::raw_fd_ostream os(descriptor, /*shouldClose=*/true);
    os << content;
    os.close();
    if (std::error_code ec = os.error()) { // a full disk, which would end the program in the stream's destructor
      os.clear_error();
      return llvm::createFileError(file.name, ec);
    }
    return std::move(file);
  }
  StringRef path() const { return name; }
  std::string read() const {
    auto buffer = llvm::MemoryBuffer::getFile(name);
    return buffer ? (*buffer)->getBuffer().str() : "";
  }

private:
  SmallString<128> name;
  std::unique_ptr<ScratchFile> scratch;
};
} // namespace

/// Runs a tool; its standard error, as an error where it failed.
static llvm::Expected<std::string> run(StringRef program, ArrayRef<StringRef> arguments) {
  auto log = TemporaryFile::create("log");
  if (!log)
    return log.takeError();
  SmallVector<StringRef> all = {program};
  llvm::append_range(all, arguments);
  std::optional<StringRef> redirects[] = {StringRef(""), log->path(), log->path()};
  std::string message;
  int status = llvm::sys::ExecuteAndWait(program, all, std::nullopt, redirects, 0, 0, &message);
  std::string text = log->read();
  if (status)
    return llvm::createStringError(llvm::sys::path::filename(program) +
                                   " failed: " + StringRef(message + text).split('\n').first.str());
  return text;
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
  auto log = run(ptxas, {"-v", arch, ptx->path(), "-o", cubin->path()});
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
  auto log = run(*tool, arguments);
  if (!log)
    return fail(log.takeError());
  return output->read();
}
