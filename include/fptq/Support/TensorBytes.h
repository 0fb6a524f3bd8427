//===- TensorBytes.h - sizes that a memory could have ------------*- C++ -*-===//
#ifndef FPTQ_SUPPORT_TENSORBYTES_H
#define FPTQ_SUPPORT_TENSORBYTES_H

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <optional>

namespace mlir::fptq {

/// Bytes of a tensor of `shape`, all of it static; nothing where they are more than a process can address (2^47).
/// Nothing in MLIR bounds a type, and the plain product of such a one's sizes may wrap round to a small number.
inline std::optional<int64_t> addressableBytes(llvm::ArrayRef<int64_t> shape, int64_t elementBytes) {
  uint64_t bytes = elementBytes;
  if (llvm::is_contained(shape, 0))
    return 0;
  for (int64_t size : shape)
    bytes = llvm::SaturatingMultiply(bytes, uint64_t(size));
  return bytes > uint64_t(1) << 47 ? std::nullopt : std::optional<int64_t>(bytes);
}

} // namespace mlir::fptq

#endif // FPTQ_SUPPORT_TENSORBYTES_H
