//===- LayerPattern.cpp - regular expressions that end --------------------===//
#include "fptq/Policy/Recipe.h"

using namespace mlir::fptq;
using llvm::StringRef;

/// Atoms that a pattern may have once its repetitions are written out, as llvm::Regex does.
static constexpr uint64_t kMaxAtoms = 100000;
/// Groups within each other: llvm::Regex recurses into them.
static constexpr size_t kMaxDepth = 100;
/// What POSIX lets a repetition count to.
static constexpr uint64_t kMaxRepetitions = 255;

/// Drops the rest of a set, after its `[`; a `]` that comes first is one of its characters.
static void skipSet(StringRef &rest) {
  rest.consume_front("^");
  rest = rest.drop_front(std::min(rest.find(']', 1), rest.size() - 1) + 1);
}

/// Drops the counts after `{`; gives the larger one, 1 where `{` is a character.
static uint64_t takeCounts(StringRef &rest) {
  uint64_t least = 1, most = 1;
  if (!rest.consumeInteger(10, least) && rest.consume_front(","))
    rest.consumeInteger(10, most);
  return std::clamp<uint64_t>(std::max(least, most), 1, kMaxRepetitions);
}

/// Whether it takes little to compile `rest`, which need not be right: its syntax is the library's to judge.
static bool isModest(StringRef rest) {
  uint64_t last = 0;                  // atoms of what a repetition would repeat
  std::vector<uint64_t> groups = {0}; // atoms so far of each group that is open
  while (!rest.empty()) {
    char c = rest.front();
    rest = rest.drop_front();
    if (c == '(') {
      groups.push_back(0);
    } else if (c == '{') {
      uint64_t repeated = last * takeCounts(rest);
      groups.back() += repeated - last;
      last = repeated;
    } else if (c == ')' && groups.size() > 1) {
      last = groups.back() + 1;
      groups.pop_back();
      groups.back() += last;
    } else {
      if (c == '[' && !rest.empty())
        skipSet(rest);
      else if (c == '\\')
        rest = rest.drop_front(!rest.empty());
      groups.back() += last = 1;
    }
    if (groups.back() > kMaxAtoms || groups.size() > kMaxDepth)
      return false;
  }
  return true;
}

llvm::Expected<llvm::Regex> mlir::fptq::parseLayerPattern(StringRef text) {
  auto fail = [&](StringRef problem) {
    return llvm::createStringError("bad regular expression '" + text.take_front(200) + "': " + problem);
  };
  if (!isModest(text))
    return fail("too large, with its repetitions written out, or too deeply nested");
  llvm::Regex regex(text);
  if (std::string problem; !regex.isValid(problem))
    return fail(problem);
  return std::move(regex);
}
