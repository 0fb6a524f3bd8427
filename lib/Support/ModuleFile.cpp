//===- ModuleFile.cpp - a module as tools read it -------------------------===//
#include "fptq/Support/ModuleFile.h"
#include "WideBooleans.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Support/Nesting.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
using namespace mlir::fptq;

/// No frontend's output has a hundred; 8 MiB of stack hold several thousands.
static constexpr int kMaxDepth = 1000;

namespace {
/// A copy of a text with a tail. After a string that the end of a file cuts, MLIR's lexer stands behind the terminating
/// NUL, and the parser of resources goes on from there, over NULs, to wherever memory ends.
class PaddedText : public llvm::MemoryBuffer {
public:
  explicit PaddedText(const llvm::MemoryBuffer &text)
      : storage((text.getBuffer() + StringRef("\0", 1)).str() + std::string(64, ')')),
        name(text.getBufferIdentifier()) {
    init(storage.data(), storage.data() + text.getBufferSize(), /*RequiresNullTerminator=*/true);
  }
  StringRef getBufferIdentifier() const override { return name; }
  BufferKind getBufferKind() const override { return MemoryBuffer_Malloc; }

private:
  std::string storage, name;
};
} // namespace

std::unique_ptr<llvm::MemoryBuffer> mlir::fptq::openModuleBuffer(StringRef path, std::string *error) {
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(path, llvm::Align(4096), error);
  return buffer ? checkModuleBuffer(std::move(buffer), error) : nullptr;
}

std::unique_ptr<llvm::MemoryBuffer> mlir::fptq::checkModuleBuffer(std::unique_ptr<llvm::MemoryBuffer> buffer,
                                                                  std::string *error) {
  if (isBytecode(buffer->getMemBufferRef()))
    return buffer;
  if (nestsDeeperThan(buffer->getBuffer(), kMaxDepth)) {
    *error =
        (buffer->getBufferIdentifier() + ": brackets are nested more than " + llvm::Twine(kMaxDepth) + " deep").str();
    return nullptr;
  }
  buffer = packWideBooleans(std::move(buffer));
  // A string ends with its line, if not before.
  if (buffer->getBuffer().ends_with("\n"))
    return buffer;
  return std::make_unique<PaddedText>(*buffer);
}

void mlir::fptq::searchParametersBeside(StringRef path, FptqDialect &dialect) {
  StringRef folder = llvm::sys::path::parent_path(path);
  dialect.addParameterDirectory(folder.empty() ? "." : folder);
  SmallString<128> target;
  if (llvm::sys::fs::is_symlink_file(path) && !llvm::sys::fs::real_path(path, target))
    dialect.addParameterDirectory(llvm::sys::path::parent_path(target));
}

ModuleFile::ModuleFile(StringRef path, MLIRContext &context) : path(path.str()), context(context) {
  context.printOpOnDiagnostic(false); // the line is shown; an error at a module would print the model
  searchParametersBeside(path, *context.getOrLoadDialect<FptqDialect>());
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
