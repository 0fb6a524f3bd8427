//===- ExternalTool.cpp - programs of others that make files --------------===//
#include "ExternalTool.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::fptq;

llvm::Expected<TemporaryFile> TemporaryFile::create(StringRef suffix, StringRef content) {
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

std::string TemporaryFile::read() const {
  auto buffer = llvm::MemoryBuffer::getFile(name);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

llvm::Expected<std::string> mlir::fptq::runTool(StringRef program, ArrayRef<StringRef> arguments) {
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
