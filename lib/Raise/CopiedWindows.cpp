//===- CopiedWindows.cpp - convolutions whose windows overlap -------------===//
//
// Every window becomes a row (im2col, Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for
// Document Processing", 2006): elements that several windows read are copied as often. Channels go last, where they lie
// side by side and are copied as vectors.
//
//===----------------------------------------------------------------------===//
#include "CopiedWindows.h"
#include "EmitLinear.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::fptq;

/// More than this is not copied.
static constexpr int64_t kMaxCopiedBytes = int64_t(256) << 20;

bool mlir::fptq::isTooLargeToCopy(AffineMap inputMap, ArrayRef<int64_t> extents) {
  int64_t bytes = sizeof(float);
  for (auto [loop, extent] : llvm::enumerate(extents))
    if (inputMap.isFunctionOfDim(loop) && !ShapedType::isDynamic(extent))
      if (llvm::MulOverflow(bytes, extent, bytes))
        return true;
  return bytes > kMaxCopiedBytes;
}

void mlir::fptq::putChannelsLast(AffineMap inputMap, SmallVectorImpl<unsigned> &reductions) {
  auto isChannel = [&](unsigned loop) {
    return inputMap.getResultPosition(getAffineDimExpr(loop, inputMap.getContext())).has_value();
  };
  SmallVector<unsigned> channels(llvm::make_filter_range(reductions, isChannel));
  llvm::erase_if(reductions, isChannel);
  llvm::append_range(reductions, channels);
}

/// Transposed before it is padded: next to the op that computes it, which may be a transposition back.
static Value transposeInsidePadding(OpBuilder &b, Location loc, Value x, ArrayRef<int64_t> order) {
  if (llvm::is_sorted(order))
    return x;
  auto pad = x.getDefiningOp<tensor::PadOp>();
  Value padding = pad ? pad.getConstantPaddingValue() : Value();
  if (!padding || !pad->hasOneUse())
    return permute(b, loc, x, order);
  TypedAttr constant; // it may stand in the body of the padding that was
  if (matchPattern(padding, m_Constant(&constant)))
    padding = arith::ConstantOp::create(b, loc, constant);
  Value inner = permute(b, loc, pad.getSource(), order);
  auto low = pad.getMixedLowPad(), high = pad.getMixedHighPad();
  auto ordered = [&](ArrayRef<OpFoldResult> values) {
    return llvm::map_to_vector(order, [&](int64_t d) { return values[d]; });
  };
  auto shape = llvm::map_to_vector(order, [&](int64_t d) { return pad.getType().getDimSize(d); });
  return tensor::PadOp::create(b, loc, pad.getType().clone(shape), inner, ordered(low), ordered(high), padding);
}

Value mlir::fptq::copyWindows(OpBuilder &b, Location loc, Value x, AffineMap inputMap, ArrayRef<unsigned> rows,
                              ArrayRef<unsigned> reductions, ArrayRef<int64_t> extents, Value result,
                              AffineMap resultMap) {
  // As they are indexed by `reductions`: plain dimensions in that order at the end.
  SmallVector<int64_t> order, last;
  for (unsigned loop : reductions)
    if (auto dim = inputMap.getResultPosition(b.getAffineDimExpr(loop)))
      last.push_back(*dim);
  for (int64_t d = 0; d < (int64_t)inputMap.getNumResults(); ++d)
    if (!llvm::is_contained(last, d))
      order.push_back(d);
  bool channelsLast = !last.empty() && inputMap.getResultPosition(b.getAffineDimExpr(reductions.back()));
  llvm::append_range(order, last);
  if (channelsLast) {
    x = transposeInsidePadding(b, loc, x, order);
    inputMap =
        AffineMap::get(inputMap.getNumDims(), 0,
                       llvm::map_to_vector(order, [&](int64_t d) { return inputMap.getResult(d); }), b.getContext());
  }
  SmallVector<AffineExpr> places(inputMap.getNumDims(), b.getAffineConstantExpr(0));
  SmallVector<OpFoldResult> sizes, resultSizes = tensor::getMixedSizes(b, loc, result);
  for (unsigned loop : rows) {
    places[loop] = b.getAffineDimExpr(sizes.size());
    sizes.push_back(resultSizes[*resultMap.getResultPosition(b.getAffineDimExpr(loop))]);
  }
  for (unsigned loop : reductions) {
    places[loop] = b.getAffineDimExpr(sizes.size());
    sizes.push_back(b.getIndexAttr(extents[loop]));
  }
  Value init = tensor::EmptyOp::create(b, loc, sizes, cast<ShapedType>(x.getType()).getElementType());
  SmallVector<AffineMap> maps = {inputMap.replaceDimsAndSymbols(places, {}, sizes.size(), 0),
                                 b.getMultiDimIdentityMap(sizes.size())};
  SmallVector<utils::IteratorType> kinds(sizes.size(), utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, loc, init.getType(), x, init, maps, kinds,
             [](OpBuilder &b, Location loc, ValueRange args) { linalg::YieldOp::create(b, loc, args.front()); })
      .getResult(0);
}
