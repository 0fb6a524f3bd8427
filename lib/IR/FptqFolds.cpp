//===- FptqFolds.cpp - exact simplifications ------------------------------===//
#include "fptq/IR/Fptq.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::fptq;

/// x * 1 == x.
OpFoldResult ScaleChannelsOp::fold(FoldAdaptor adaptor) {
  auto scales = dyn_cast_if_present<DenseFPElementsAttr>(adaptor.getScales());
  if (scales && scales.isSplat() && scales.getSplatValue<APFloat>().isExactlyValue(1.0))
    return getInput();
  return {};
}
