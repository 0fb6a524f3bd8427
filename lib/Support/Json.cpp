//===- Json.cpp - JSON of other people's files ----------------------------===//
#include "fptq/Support/Json.h"
#include "fptq/Support/Nesting.h"

using namespace llvm;

/// No file of ours or of the formats we read has more than five.
static constexpr int kMaxDepth = 100;

Expected<json::Value> mlir::fptq::parseJson(StringRef text) {
  if (nestsDeeperThan(text, kMaxDepth))
    return createStringError("brackets are nested more than " + Twine(kMaxDepth) + " deep");
  return json::parse(text);
}
