//===- PackedFile.h - packed weights outside a module ------------*- C++ -*-===//
//
// A .safetensors file of one byte string a layer and, in its metadata, what a reader must know of each:
// docs/PackedLayout.md, "Packed weights in a file". No IR.
//
//===----------------------------------------------------------------------===//
#ifndef FPTQ_PACK_PACKEDFILE_H
#define FPTQ_PACK_PACKEDFILE_H

#include "fptq/Pack/PackWeights.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace mlir::fptq {

/// One layer's bytes, with the layout they are in.
struct PackedWeight {
  std::string layer;
  Layout layout;
  PackedShape shape;
  llvm::ArrayRef<char> bytes;
};

/// Writes beside `path`, then renames. `modelHash`: of the model they belong to, or empty.
llvm::Error writePackedFile(llvm::StringRef path, llvm::ArrayRef<PackedWeight> weights, llvm::StringRef modelHash);

/// Takes `packed` apart into the portable operands of `fptq.quantized_matmul`: LAYER.codes, .scales, .zeros,
/// .multipliers of the file `portable`. Errors name file, layer and key.
llvm::Error unpackFile(llvm::StringRef packed, llvm::StringRef portable);

} // namespace mlir::fptq

#endif // FPTQ_PACK_PACKEDFILE_H
