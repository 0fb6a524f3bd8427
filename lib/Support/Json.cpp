//===- Json.cpp - JSON of other people's files ----------------------------===//
#include "fptq/Support/Json.h"

using namespace llvm;

/// No file of ours or of the formats we read has more than five.
static constexpr int kMaxDepth = 100;

static bool isTooDeep(StringRef text) {
  int depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString && c == '\\')
      ++i;
    else if (c == '"')
      inString = !inString;
    else if (!inString && (c == '[' || c == '{') && ++depth > kMaxDepth)
      return true;
    else if (!inString && (c == ']' || c == '}'))
      --depth;
  }
  return false;
}

Expected<json::Value> mlir::fptq::parseJson(StringRef text) {
  if (isTooDeep(text))
    return createStringError("brackets are nested more than " + Twine(kMaxDepth) + " deep");
  return json::parse(text);
}
