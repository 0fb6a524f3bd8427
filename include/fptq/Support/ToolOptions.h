//===- ToolOptions.h - what the command-line tools share ---------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_TOOLOPTIONS_H
#define FPTQ_SUPPORT_TOOLOPTIONS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::fptq {

/// libLLVM and libMLIR register hundreds of options in every tool. Hides those registered so far, until --help-hidden,
/// but for options that have one of these names (a pass's flag is a name of the list of passes).
void hideOptionsExcept(llvm::ArrayRef<llvm::StringRef> names);

/// Another default for a registered option that is a `cl::opt<bool>`.
void setFlagDefault(llvm::StringRef name, bool value);

/// Whether the command line asks for the short help.
bool asksForHelp(int argc, char **argv);

/// Makes errors, with status 1 and nothing half-written, of what LLVM would report as a bug of its own: a tensor that
/// this process may not have the memory for, a mapped file that somebody cuts short, a count in bytecode that no
/// container holds. After InitLLVM, whose handlers it replaces. For programs: a library leaves them to the program
/// around it.
void explainFatalErrors();

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_TOOLOPTIONS_H
