//===- WideBooleans.cpp - booleans as newer MLIR writes them --------------===//
#include "WideBooleans.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::fptq;

static constexpr llvm::StringLiteral kStart = "dense<\"0x";

/// The elements of the type `text` begins with, if it is a tensor or vector of i1; 0 of any other.
static uint64_t booleansIn(llvm::StringRef text) {
  if (!text.consume_front("tensor<") && !text.consume_front("vector<"))
    return 0;
  uint64_t count = 1, size = 0;
  while (!text.consumeInteger(10, size)) {
    bool overflows = false;
    count = llvm::SaturatingMultiply(count, size, &overflows);
    if (overflows || !text.consume_front("x"))
      return 0;
  }
  return text.starts_with("i1>") ? count : 0;
}

/// Whether `digits` are a byte for each of `count` booleans, more than if they were packed.
static bool isWide(llvm::StringRef digits, uint64_t count) {
  if (count < 2 || digits.size() % 2 || digits.size() / 2 != count)
    return false;
  for (size_t i = 0; i < digits.size(); i += 2)
    if (digits[i] != '0' || (digits[i + 1] != '0' && digits[i + 1] != '1'))
      return false;
  return true;
}

/// The first of one bit each in their place, and `">` behind them.
static void pack(char *digits, uint64_t count) {
  std::string packed;
  for (uint64_t i = 0; i < count; i += 8) {
    unsigned byte = 0;
    for (uint64_t bit = i; bit < std::min(i + 8, count); ++bit)
      byte |= unsigned(digits[2 * bit + 1] == '1') << (bit - i);
    packed += {llvm::hexdigit(byte >> 4), llvm::hexdigit(byte & 15)};
  }
  packed += "\">";
  packed.resize(2 * count + 2, ' ');
  llvm::copy(packed, digits);
}

std::unique_ptr<llvm::MemoryBuffer> mlir::fptq::packWideBooleans(std::unique_ptr<llvm::MemoryBuffer> text) {
  llvm::StringRef all = text->getBuffer();
  llvm::SmallVector<std::pair<size_t, uint64_t>> found; // first digits, and how many booleans
  for (size_t at = 0; (at = all.find(kStart, at)) != llvm::StringRef::npos;) {
    at += kStart.size();
    size_t end = all.find('"', at);
    llvm::StringRef behind = end == llvm::StringRef::npos ? "" : all.substr(end);
    if (!behind.consume_front("\"> : "))
      continue;
    if (uint64_t count = booleansIn(behind); isWide(all.slice(at, end), count))
      found.emplace_back(at, count);
  }
  if (found.empty())
    return text;
  auto copy = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(all.size(), text->getBufferIdentifier());
  llvm::copy(all, copy->getBufferStart());
  for (auto [at, count] : found)
    pack(copy->getBufferStart() + at, count);
  return copy;
}
