//===- RowForm.cpp - activations as rows x channels -----------------------===//
#include "fptq/Support/RowForm.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::fptq;

/// {[0, .., rank-2], [rank-1]}: leading dimensions are rows.
static SmallVector<ReassociationIndices> rowGroups(int64_t rank) {
  SmallVector<ReassociationIndices> groups(2);
  for (int64_t d = 0; d + 1 < rank; ++d)
    groups[0].push_back(d);
  groups[1].push_back(rank - 1);
  return groups;
}

Value mlir::fptq::toRows(OpBuilder &b, Location loc, Value x) {
  auto type = cast<RankedTensorType>(x.getType());
  if (type.getRank() == 2)
    return x;
  if (type.getRank() == 1) {
    auto row = RankedTensorType::get({1, type.getDimSize(0)}, type.getElementType());
    return tensor::ExpandShapeOp::create(b, loc, row, x, ArrayRef<ReassociationIndices>{{0, 1}});
  }
  return tensor::CollapseShapeOp::create(b, loc, x, rowGroups(type.getRank()));
}

Value mlir::fptq::fromRows(OpBuilder &b, Location loc, Value y, RankedTensorType type, Value like) {
  if (type.getRank() == 1) {
    y = tensor::CollapseShapeOp::create(b, loc, y, ArrayRef<ReassociationIndices>{{0, 1}});
  } else if (type.getRank() > 2) {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, like);
    sizes.back() = b.getIndexAttr(type.getShape().back());
    y = tensor::ExpandShapeOp::create(b, loc, type.clone(b.getF32Type()), y, rowGroups(type.getRank()), sizes);
  }
  return type.getElementType().isF32() ? y : Value(arith::TruncFOp::create(b, loc, type, y));
}

Value mlir::fptq::inF32(OpBuilder &b, Location loc, Value v) {
  auto type = cast<RankedTensorType>(v.getType());
  return type.getElementType().isF32() ? v : Value(arith::ExtFOp::create(b, loc, type.clone(b.getF32Type()), v));
}
