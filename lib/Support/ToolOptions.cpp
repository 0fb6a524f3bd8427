//===- ToolOptions.cpp - what the command-line tools share ----------------===//
#include "fptq/Support/ToolOptions.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"

#include <csignal>
#include <cstring>
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

/// Ends the process with one line and status 1, and removes what was being written. No stream: they allocate.
[[noreturn]] static void endWith(llvm::ArrayRef<const char *> texts) {
  for (const char *text : texts)
    (void)!write(STDERR_FILENO, text, strlen(text));
  llvm::sys::RunInterruptHandlers();
  _exit(1);
}

void mlir::fptq::explainFatalErrors() {
  llvm::install_bad_alloc_error_handler([](void *, const char *, bool) {
    endWith("error: out of memory: the model has a tensor that is larger than the memory this process may use\n");
  });
  llvm::install_fatal_error_handler([](void *, const char *reason, bool) {
    endWith({"error: LLVM stopped, on a module that is damaged or too large for it: ", reason, "\n"});
  });
  struct sigaction action = {};
  action.sa_handler = [](int) {
    endWith("error: a file of the model became shorter, or its disk failed, while it was read\n");
  };
  sigaction(SIGBUS, &action, nullptr);
}
