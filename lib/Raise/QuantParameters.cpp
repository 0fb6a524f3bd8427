//===- QuantParameters.cpp - scales and zero points of !quant types -------===//
#include "QuantParameters.h"

using namespace mlir;
using namespace mlir::fptq;

static QuantParameters ofSubChannel(quant::UniformQuantizedSubChannelType type) {
  QuantParameters found;
  for (const APFloat &scale : type.getScales().getValues<APFloat>())
    found.scales.push_back(scale.convertToDouble());
  // Upstream prints u4's 8 as -8, and what it reads from that has bits set above the fourth.
  unsigned width = type.getStorageTypeIntegralWidth();
  for (const APInt &any : type.getZeroPoints().getValues<APInt>()) {
    APInt zero(width, any.getRawData()[0], /*isSigned=*/false, /*implicitTrunc=*/true);
    found.zeros.push_back(type.isSigned() ? (double)zero.getSExtValue() : (double)zero.getZExtValue());
  }
  // The type may name dimensions in any order; the others have one block.
  for (int64_t d = 0, rank = type.getScales().getType().getRank(); d < rank; ++d)
    for (auto [dim, block] : type.getBlockSizeInfo())
      if (dim == d)
        found.dims.push_back({d, block, type.getScales().getType().getDimSize(d)});
  return found;
}

std::optional<QuantParameters> mlir::fptq::quantParameters(quant::QuantizedType type) {
  if (auto uniform = dyn_cast<quant::UniformQuantizedType>(type))
    return QuantParameters{{uniform.getScale()}, {(double)uniform.getZeroPoint()}, {}};
  if (auto axis = dyn_cast<quant::UniformQuantizedPerAxisType>(type)) {
    QuantParameters found;
    llvm::append_range(found.scales, axis.getScales());
    llvm::append_range(found.zeros, axis.getZeroPoints());
    found.dims.push_back({axis.getQuantizedDimension(), 1, (int64_t)found.scales.size()});
    return found;
  }
  if (auto block = dyn_cast<quant::UniformQuantizedSubChannelType>(type))
    return ofSubChannel(block);
  return std::nullopt;
}
