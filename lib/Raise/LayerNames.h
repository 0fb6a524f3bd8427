//===- LayerNames.h - a layer is called like its weight ----------*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_LAYERNAMES_H
#define FPTQ_LIB_RAISE_LAYERNAMES_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

namespace mlir::fptq {

/// Where the slices in `weight`'s chain begin, as ".3": slices of one stacked parameter are different layers. Empty
/// where there are none.
std::string slicesOf(Value weight);

/// Names unique to a weight: two uses of one weight get one name, two weights never do, even over one constant.
class LayerNames {
public:
  /// Reads the JSON object `path` (weight name to layer name); errors name file and key.
  llvm::Error loadMap(StringRef path);

  /// `weight` in the form that its layer has it: N x K, or rows of a table. `unnamed` begins the name of one that has
  /// none.
  std::string nameOf(Value weight, StringRef unnamed = "linear_");

private:
  llvm::StringMap<std::string> given;
  llvm::StringMap<std::string> identityOf; ///< layer name to the weight that has it
  llvm::StringMap<std::string> nameByIdentity;
  int64_t numbered = 0;
};

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_LAYERNAMES_H
