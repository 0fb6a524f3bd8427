//===- ExternalTool.h - programs of others that make files -------*- C++ -*-===//
#ifndef FPTQ_LIB_TARGET_EXTERNALTOOL_H
#define FPTQ_LIB_TARGET_EXTERNALTOOL_H

#include "fptq/Support/OutputFile.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace mlir::fptq {

/// A file that is gone when this is.
class TemporaryFile {
public:
  static llvm::Expected<TemporaryFile> create(StringRef suffix, StringRef content = "");
  StringRef path() const { return name; }
  std::string read() const;

private:
  SmallString<128> name;
  std::unique_ptr<ScratchFile> scratch;
};

/// Runs `program` and returns what it wrote to its standard output and error, of which nothing is printed; the first
/// line of that is the error where it failed.
llvm::Expected<std::string> runTool(StringRef program, ArrayRef<StringRef> arguments);

} // namespace mlir::fptq

#endif // FPTQ_LIB_TARGET_EXTERNALTOOL_H
