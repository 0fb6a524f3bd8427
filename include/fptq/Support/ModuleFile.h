//===- ModuleFile.h - a module as tools read it ------------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_MODULEFILE_H
#define FPTQ_SUPPORT_MODULEFILE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <memory>
#include <string>

namespace mlir {
class SourceMgrDiagnosticHandler;
}

namespace mlir::fptq {
class FptqDialect;

/// The bytes of `path` ("-": standard input) at an address that suits bytecode. Bytecode demands the largest alignment
/// of its resources, and upstream reads small files to wherever malloc puts them: an error once in a while. A
/// page is what mapped files get.
std::unique_ptr<llvm::MemoryBuffer> openModuleBuffer(StringRef path, std::string *error);

/// `buffer` as the parser may have it: with what it reads behind a text that ends within a string. Null, with `error`
/// set, where brackets are nested deeper than its stack is.
std::unique_ptr<llvm::MemoryBuffer> checkModuleBuffer(std::unique_ptr<llvm::MemoryBuffer> buffer, std::string *error);

/// Parameter files of modules in `path` are looked for beside it and, where it is a link, beside what it leads to.
void searchParametersBeside(StringRef path, FptqDialect &dialect);

/// Text or bytecode from a file, or from standard input for "-". Diagnostics of its context go to stderr with the
/// line they are about for as long as it lives, and its parameter files are looked for beside it
/// (`searchParametersBeside`).
class ModuleFile {
public:
  ModuleFile(StringRef path, MLIRContext &context);
  ~ModuleFile();

  /// False where the file is missing or does not parse; that has been printed, after the tool's name.
  bool parse(StringRef tool);
  ModuleOp get() { return *module; }

private:
  std::string path;
  MLIRContext &context;
  llvm::SourceMgr sources;
  std::unique_ptr<SourceMgrDiagnosticHandler> handler;
  OwningOpRef<ModuleOp> module;
};

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_MODULEFILE_H
