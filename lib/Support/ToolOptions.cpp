//===- ToolOptions.cpp - what the command-line tools share ----------------===//
#include "fptq/Support/ToolOptions.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"

#include <unistd.h>

namespace cl = llvm::cl;

void mlir::fptq::hideOptionsExcept(llvm::ArrayRef<llvm::StringRef> names) {
  static constexpr llvm::StringRef kGeneric[] = {"help", "help-list", "version"};
  auto &options = cl::getRegisteredOptions();
  llvm::SmallPtrSet<cl::Option *, 16> kept;
  for (auto &[name, option] : options)
    if (llvm::is_contained(names, name) || llvm::is_contained(kGeneric, name))
      kept.insert(option);
  for (auto &[name, option] : options)
    if (!kept.contains(option) && option->getOptionHiddenFlag() == cl::NotHidden)
      option->setHiddenFlag(cl::Hidden);
}

void mlir::fptq::setFlagDefault(llvm::StringRef name, bool value) {
  if (cl::Option *option = cl::getRegisteredOptions().lookup(name))
    static_cast<cl::opt<bool> *>(option)->setInitialValue(value);
}

bool mlir::fptq::asksForHelp(int argc, char **argv) {
  return llvm::any_of(llvm::ArrayRef(argv, argc).drop_front(), [](llvm::StringRef argument) {
    return argument == "--help" || argument == "-help" || argument == "-h" || argument == "--help-list" ||
           argument == "-help-list";
  });
}

void mlir::fptq::explainOutOfMemory() {
  llvm::install_bad_alloc_error_handler([](void *, const char *, bool) {
    // No stream: they allocate.
    static constexpr llvm::StringLiteral kText =
        "error: out of memory: the model has a tensor that is larger than the memory this process may use\n";
    (void)!write(STDERR_FILENO, kText.data(), kText.size());
    llvm::sys::RunInterruptHandlers(); // removes what was being written
    _exit(1);
  });
}
