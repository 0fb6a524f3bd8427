//===- Npy.h - NumPy's array files -------------------------------*- C++ -*-===//
#ifndef FPTQ_TOOLS_FPTQRUN_NPY_H
#define FPTQ_TOOLS_FPTQRUN_NPY_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace mlir::fptq {

/// An array in memory; `dtype` as safetensors spells it.
struct Array {
  std::string dtype;
  llvm::SmallVector<int64_t> shape;
  std::vector<char> data;
};

/// Reads a .npy file (version 1 to 3, little endian, C order); errors name the file.
llvm::Expected<Array> readNpy(llvm::StringRef path);

/// Writes beside, then renames.
llvm::Error writeNpy(llvm::StringRef path, const Array &array);

} // namespace mlir::fptq

#endif // FPTQ_TOOLS_FPTQRUN_NPY_H
