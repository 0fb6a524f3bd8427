//===- OutputFile.h - whole files or none ------------------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_OUTPUTFILE_H
#define FPTQ_SUPPORT_OUTPUTFILE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace llvm {
class raw_ostream;
}

namespace mlir::fptq {

/// Writes `path` through `write`: to a file beside it that takes its name once it is whole, so that a failure leaves
/// what was there. Devices and pipes are written straight, "-" is standard output. Errors name the file.
/// (llvm::writeToOutput renames over devices, and a full disk ends the program in its stream's destructor.)
llvm::Error writeOutputFile(llvm::StringRef path, llvm::function_ref<llvm::Error(llvm::raw_ostream &)> write);

/// A file on the way to another: gone when this is, and when a signal ends the process.
class ScratchFile {
public:
  explicit ScratchFile(llvm::StringRef path);
  ~ScratchFile();
  ScratchFile(const ScratchFile &) = delete;
  ScratchFile &operator=(const ScratchFile &) = delete;

private:
  std::string path;
};

/// An error where `path` is there and is no regular file: a rename would replace a device, or fail at the very end.
llvm::Error checkReplaceable(llvm::StringRef path);

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_OUTPUTFILE_H
