//===- Nesting.h - how deep brackets stand in each other ---------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_NESTING_H
#define FPTQ_SUPPORT_NESTING_H

#include "llvm/ADT/StringRef.h"

namespace mlir::fptq {

/// Whether brackets of `text` (JSON or MLIR; not those in strings or `//` comments) nest more than `depth` deep, or as
/// many signs stand before one number. The parsers of both recurse: a text that only opens brackets ends the program.
inline bool nestsDeeperThan(llvm::StringRef text, int depth) {
  int open = 0, signs = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    signs = text[i] == '-' ? signs + 1 : signs;
    if (signs > depth)
      return true;
    if (!llvm::StringRef("- \n").contains(text[i]))
      signs = 0;
    bool isComparison = text.substr(i + 1).starts_with("=") || (i && text[i - 1] == '-'); // <=, >= and ->
    if (text[i] == '"') {
      while (++i < text.size() && text[i] != '"' && text[i] != '\n')
        i += text[i] == '\\';
    } else if (text.substr(i).starts_with("//")) {
      i = std::min(text.find('\n', i), text.size());
    } else if (llvm::StringRef("<>").contains(text[i]) && isComparison) {
      continue;
    } else if (llvm::StringRef("([{<").contains(text[i])) {
      if (++open > depth)
        return true;
    } else if (llvm::StringRef(")]}>").contains(text[i])) {
      --open;
    }
  }
  return false;
}

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_NESTING_H
