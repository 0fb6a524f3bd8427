//===- CheckpointCommands.cpp - import and export, which Python does -------===//
#include "Commands.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/WithColor.h"

using namespace mlir::fptq;

/// `quant-fptq` beside this program, or the one on PATH.
static std::string commandLine(const char *argv0) {
  std::string self = llvm::sys::fs::getMainExecutable(argv0, reinterpret_cast<void *>(&commandLine));
  llvm::SmallString<128> beside(llvm::sys::path::parent_path(self));
  llvm::sys::path::append(beside, "quant-fptq");
  if (llvm::sys::fs::can_execute(beside))
    return std::string(beside);
  auto found = llvm::sys::findProgramByName("quant-fptq");
  return found ? *found : "";
}

int mlir::fptq::runCheckpointCommand(llvm::ArrayRef<const char *> argv) {
  std::string program = commandLine(argv.front()), problem;
  if (program.empty()) {
    llvm::WithColor::error(llvm::errs(), "fptq-translate")
        << "no quant-fptq beside this program or on PATH; checkpoints are read and written by the Python package\n";
    return 1;
  }
  llvm::SmallVector<llvm::StringRef> arguments{program};
  llvm::append_range(arguments, argv.drop_front());
  int status = llvm::sys::ExecuteAndWait(program, arguments, std::nullopt, {}, 0, 0, &problem);
  if (!problem.empty())
    llvm::WithColor::error(llvm::errs(), "fptq-translate") << program << ": " << problem << "\n";
  return status < 0 ? 1 : status;
}
