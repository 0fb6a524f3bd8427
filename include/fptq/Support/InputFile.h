//===- InputFile.h - files that users name ----------------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_INPUTFILE_H
#define FPTQ_SUPPORT_INPUTFILE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

namespace mlir::fptq {

/// llvm::MemoryBuffer::getFile, which reads a device until memory ends: an error for devices. `mapped`: without a
/// terminator a file is mapped, never read into memory. The error does not name the file.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> readInputFile(llvm::StringRef path, bool mapped = false);

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_INPUTFILE_H
