//===- OutputFile.cpp - whole files or none -------------------------------===//
#include "fptq/Support/OutputFile.h"
#include "llvm/Support/Errc.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mlir::fptq;

/// What `write` says, then what the stream met: a raw_fd_ostream that dies with an error ends the program.
static Error writeChecked(StringRef path, raw_fd_ostream &os, function_ref<Error(raw_ostream &)> write) {
  Error error = write(os);
  os.flush();
  std::error_code ec = os.error();
  os.clear_error();
  if (!ec)
    return error;
  consumeError(std::move(error));
  return createFileError(path, ec);
}

static Error writeStraight(StringRef path, function_ref<Error(raw_ostream &)> write) {
  std::error_code ec;
  raw_fd_ostream os(path, ec, sys::fs::CD_OpenExisting, sys::fs::FA_Write, sys::fs::OF_None);
  return ec ? createFileError(path, ec) : writeChecked(path, os, write);
}

ScratchFile::ScratchFile(StringRef path) : path(path) { sys::RemoveFileOnSignal(path); }

ScratchFile::~ScratchFile() {
  sys::fs::remove(path); // it may have its final name by now
  sys::DontRemoveFileOnSignal(path);
}

Error mlir::fptq::checkReplaceable(StringRef path) {
  sys::fs::file_status status;
  if (sys::fs::status(path, status) || status.type() == sys::fs::file_type::regular_file)
    return Error::success(); // what else is wrong with it, opening the file will say
  return status.type() == sys::fs::file_type::directory_file
             ? createFileError(path, make_error_code(errc::is_a_directory))
             : createStringError("'" + path + "' is no regular file");
}

Error mlir::fptq::writeOutputFile(StringRef path, function_ref<Error(raw_ostream &)> write) {
  if (path == "-") // outs() opened by its name, for its errors
    return writeChecked("standard output", static_cast<raw_fd_ostream &>(outs()), write);
  sys::fs::file_status status;
  std::error_code absent = sys::fs::status(path, status);
  if (!absent && status.type() == sys::fs::file_type::directory_file)
    return createFileError(path, make_error_code(errc::is_a_directory));
  if (!absent && status.type() != sys::fs::file_type::regular_file)
    return writeStraight(path, write);
  auto beside = sys::fs::TempFile::create(path + ".%%%%%%.partial", sys::fs::all_read | sys::fs::all_write);
  if (!beside)
    return createFileError(path, beside.takeError());
  Error error = [&] {
    raw_fd_ostream os(beside->FD, /*shouldClose=*/false);
    return writeChecked(path, os, write);
  }();
  if (error) {
    consumeError(beside->discard());
    return error;
  }
  if (Error kept = beside->keep(path))
    return createFileError(path, std::move(kept));
  return Error::success();
}
