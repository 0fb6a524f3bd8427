//===- ModuleFile.cpp - a module as tools read it -------------------------===//
#include "fptq/Support/ModuleFile.h"
#include "fptq/IR/Fptq.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace mlir::fptq;

std::unique_ptr<llvm::MemoryBuffer> mlir::fptq::openModuleBuffer(StringRef path, std::string *error) {
  return openInputFile(path, llvm::Align(4096), error);
}

ModuleFile::ModuleFile(StringRef path, MLIRContext &context) : path(path.str()), context(context) {
  context.printOpOnDiagnostic(false); // the line is shown; an error at a module would print the model
  StringRef folder = llvm::sys::path::parent_path(path);
  context.getOrLoadDialect<FptqDialect>()->addParameterDirectory(folder.empty() ? "." : folder);
}

ModuleFile::~ModuleFile() = default;

bool ModuleFile::parse(StringRef tool) {
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openModuleBuffer(path, &message);
  if (!buffer) {
    llvm::WithColor::error(llvm::errs(), tool) << message << "\n";
    return false;
  }
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  handler = std::make_unique<SourceMgrDiagnosticHandler>(sources, &context);
  module = parseSourceFile<ModuleOp>(sources, &context);
  return bool(module);
}
