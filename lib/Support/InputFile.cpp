//===- InputFile.cpp - files that users name ------------------------------===//
#include "fptq/Support/InputFile.h"
#include "llvm/Support/FileSystem.h"

using namespace llvm;

Expected<std::unique_ptr<MemoryBuffer>> mlir::fptq::readInputFile(StringRef path, bool mapped) {
  sys::fs::file_status status;
  // Pipes are read to their end; /dev/zero has none.
  if (!sys::fs::status(path, status) && status.type() == sys::fs::file_type::character_file)
    return createStringError("is a device, expected a file");
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/!mapped);
  if (!buffer)
    return errorCodeToError(buffer.getError());
  return std::move(*buffer);
}
