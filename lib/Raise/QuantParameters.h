//===- QuantParameters.h - scales and zero points of !quant types -*- C++ -*-===//
#ifndef FPTQ_LIB_RAISE_QUANTPARAMETERS_H
#define FPTQ_LIB_RAISE_QUANTPARAMETERS_H

#include "mlir/Dialect/Quant/IR/QuantTypes.h"

namespace mlir::fptq {

/// Scales and zero points, row-major over `dims`, whatever the granularity of the type.
struct QuantParameters {
  /// A dimension of the tensor along which they change: after each `block` elements, `size` times.
  struct Dim {
    int64_t dim, block, size;
  };
  SmallVector<double> scales, zeros;
  SmallVector<Dim> dims;
};

/// Those of `!quant.uniform`: per tensor, per axis or sub-channel. None for other types.
std::optional<QuantParameters> quantParameters(quant::QuantizedType type);

} // namespace mlir::fptq

#endif // FPTQ_LIB_RAISE_QUANTPARAMETERS_H
