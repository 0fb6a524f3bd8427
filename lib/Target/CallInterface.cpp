//===- CallInterface.cpp - tensors to memref descriptors and back ---------===//
//
// MLIR's C interface: a memref is a pointer to {allocated, aligned, offset, sizes[], strides[]},
// scalars go by value, and results come back through a pointer to a struct of them, the first
// argument, unless the only result is a scalar, which the packed wrapper stores last.
//
//===----------------------------------------------------------------------===//
#include "CallInterface.h"
#include "mlir/IR/BuiltinTypes.h"

#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace mlir::fptq;

static int64_t rankOf(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped ? shaped.getRank() : -1;
}

static int64_t scalarBytes(Type type) {
  return type.isIndex() ? 8 : std::max<int64_t>(1, type.getIntOrFloatBitWidth() / 8);
}

llvm::Error mlir::fptq::checkArguments(const EntryPoint &entry, ArrayRef<TensorRef> arguments) {
  auto fail = [&](const llvm::Twine &text) { return llvm::createStringError("'" + entry.name + "': " + text); };
  if (arguments.size() != entry.arguments.size())
    return fail("has " + llvm::Twine(entry.arguments.size()) + " arguments, got " + llvm::Twine(arguments.size()));
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    auto shaped = dyn_cast<ShapedType>(entry.arguments[i]);
    int64_t rank = shaped ? shaped.getRank() : 0;
    if ((int64_t)argument.shape.size() != rank)
      return fail("argument " + llvm::Twine(i) + " has rank " + llvm::Twine(argument.shape.size()) + ", expected " +
                  llvm::Twine(rank));
    for (int64_t d = 0; d < rank; ++d)
      if (!shaped.isDynamicDim(d) && shaped.getDimSize(d) != argument.shape[d])
        return fail("argument " + llvm::Twine(i) + " has size " + llvm::Twine(argument.shape[d]) + " in dimension " +
                    llvm::Twine(d) + ", expected " + llvm::Twine(shaped.getDimSize(d)));
  }
  return llvm::Error::success();
}

namespace {
/// A memref descriptor as a run of 8-byte words.
using Descriptor = SmallVector<int64_t, 12>;
} // namespace

static Descriptor describe(const TensorRef &tensor) {
  int64_t rank = tensor.shape.size(), stride = 1;
  Descriptor words(3 + 2 * rank, 0);
  words[0] = words[1] = reinterpret_cast<int64_t>(tensor.data);
  for (int64_t d = rank - 1; d >= 0; --d) {
    words[3 + d] = tensor.shape[d];
    words[3 + rank + d] = stride;
    stride *= tensor.shape[d];
  }
  return words;
}

/// Byte offsets of the results in the struct the callee fills, and its size.
static SmallVector<int64_t> layoutOf(ArrayRef<Type> types, int64_t &size) {
  SmallVector<int64_t> offsets;
  size = 0;
  for (Type type : types) {
    int64_t rank = rankOf(type), bytes = rank < 0 ? scalarBytes(type) : 8 * (3 + 2 * rank);
    size = llvm::alignTo(size, rank < 0 ? bytes : 8);
    offsets.push_back(size);
    size += bytes;
  }
  return offsets;
}

static CallResult readResult(const char *at, Type type) {
  int64_t rank = rankOf(type);
  TensorRef tensor;
  if (rank < 0) {
    tensor.data = std::calloc(1, 8);
    std::memcpy(tensor.data, at, scalarBytes(type));
    return CallResult(tensor, tensor.data, -1);
  }
  SmallVector<int64_t> words(3 + 2 * rank);
  std::memcpy(words.data(), at, words.size() * 8);
  int64_t width = scalarBytes(cast<ShapedType>(type).getElementType());
  tensor.data = reinterpret_cast<char *>(words[1]) + words[2] * width;
  tensor.shape.assign(words.begin() + 3, words.begin() + 3 + rank);
  return CallResult(tensor, reinterpret_cast<void *>(words[0]), -1);
}

std::vector<CallResult> mlir::fptq::callPacked(void (*function)(void **), const EntryPoint &entry,
                                               ArrayRef<TensorRef> arguments) {
  SmallVector<Type> returned;
  for (auto [type, alias] : llvm::zip(entry.results, entry.aliases))
    if (alias < 0)
      returned.push_back(type);
  int64_t size = 0;
  SmallVector<int64_t> offsets = layoutOf(returned, size);
  std::vector<char> results(std::max<int64_t>(size, 8));
  void *resultPointer = results.data();
  bool scalarResult = returned.size() == 1 && rankOf(returned[0]) < 0;

  std::vector<Descriptor> descriptors;
  descriptors.reserve(arguments.size());
  SmallVector<void *> pointers, packed;
  pointers.reserve(arguments.size());
  if (!returned.empty() && !scalarResult)
    packed.push_back(&resultPointer);
  for (auto [argument, type] : llvm::zip(arguments, entry.arguments)) {
    if (rankOf(type) < 0) {
      packed.push_back(argument.data);
      continue;
    }
    descriptors.push_back(describe(argument));
    pointers.push_back(descriptors.back().data());
    packed.push_back(&pointers.back());
  }
  if (scalarResult)
    packed.push_back(results.data());
  function(packed.data());

  std::vector<CallResult> all;
  size_t next = 0;
  for (auto [type, alias] : llvm::zip(entry.results, entry.aliases)) {
    if (alias >= 0)
      all.emplace_back(arguments[alias], nullptr, alias);
    else
      all.push_back(readResult(results.data() + offsets[next++], type));
  }
  return all;
}
