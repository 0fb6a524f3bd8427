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

/// unpack(pack(x)) == x: packing is exact (docs/PackedLayout.md).
LogicalResult UnpackOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &results) {
  auto pack = getPacked().getDefiningOp<PackOp>();
  if (!pack || pack.getScheme() != getScheme() || pack.getLayout() != getLayout() || pack.getK() != getK())
    return failure();
  SmallVector<Value> operands = {pack.getCodes(), pack.getScales()};
  if (pack.getZeros())
    operands.push_back(pack.getZeros());
  if (pack.getMultipliers())
    operands.push_back(pack.getMultipliers());
  if (!llvm::equal(llvm::map_range(operands, [](Value v) { return v.getType(); }), getResultTypes()))
    return failure();
  llvm::append_range(results, operands);
  return success();
}
