//===- EmitLinear.cpp - a match as fptq.linear ----------------------------===//
#include "EmitLinear.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::fptq;

/// `value` with its dimensions in the order `order`; itself where that is the identity.
static Value permute(OpBuilder &b, Location loc, Value value, ArrayRef<int64_t> order) {
  if (llvm::equal(order, llvm::seq<int64_t>(0, order.size())))
    return value;
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, value), permuted;
  for (int64_t d : order)
    permuted.push_back(sizes[d]);
  Value init = tensor::EmptyOp::create(b, loc, permuted, cast<RankedTensorType>(value.getType()).getElementType());
  return linalg::TransposeOp::create(b, loc, value, init, order)->getResult(0);
}

/// Merges dimensions into groups of the given lengths; itself where every group is one dimension.
static Value collapse(OpBuilder &b, Location loc, Value value, ArrayRef<int64_t> lengths) {
  SmallVector<ReassociationIndices> groups;
  int64_t next = 0;
  for (int64_t length : lengths) {
    groups.emplace_back();
    for (int64_t i = 0; i < length; ++i)
      groups.back().push_back(next++);
  }
  if ((int64_t)groups.size() == next)
    return value;
  return tensor::CollapseShapeOp::create(b, loc, value, groups);
}

/// Dimension of `map`'s operand that runs along `loop`.
static int64_t dimOf(AffineMap map, unsigned loop) {
  for (auto [d, result] : llvm::enumerate(map.getResults()))
    if (auto dim = dyn_cast<AffineDimExpr>(result); dim && dim.getPosition() == loop)
      return d;
  llvm_unreachable("loop does not index the operand");
}

static SmallVector<int64_t> dimsOf(AffineMap map, ArrayRef<unsigned> loops) {
  return llvm::map_to_vector(loops, [&](unsigned loop) { return dimOf(map, loop); });
}

/// N x K: unit dimensions first (they merge into N), then columns, then reductions.
static Value weightMatrix(OpBuilder &b, Location loc, const LinearMatch &match) {
  SmallVector<int64_t> columns = dimsOf(match.weightMap, match.columns),
                       reductions = dimsOf(match.weightMap, match.reductions);
  SmallVector<int64_t> order;
  for (int64_t d = 0; d < (int64_t)match.weightMap.getNumResults(); ++d)
    if (!llvm::is_contained(columns, d) && !llvm::is_contained(reductions, d))
      order.push_back(d);
  int64_t units = order.size();
  llvm::append_range(order, columns);
  llvm::append_range(order, reductions);
  return collapse(b, loc, permute(b, loc, match.weight, order),
                  {units + (int64_t)columns.size(), (int64_t)reductions.size()});
}

/// rows.. x K.
static Value activation(OpBuilder &b, Location loc, const LinearMatch &match) {
  SmallVector<int64_t> order = dimsOf(match.xMap, match.rows);
  llvm::append_range(order, dimsOf(match.xMap, match.reductions));
  SmallVector<int64_t> lengths(match.rows.size(), 1);
  lengths.push_back(match.reductions.size());
  return collapse(b, loc, permute(b, loc, match.x, order), lengths);
}

/// Back from rows.. x N to the result's own dimensions.
static Value asResult(OpBuilder &b, Location loc, Value y, const LinearMatch &match, RankedTensorType type) {
  int64_t rows = match.rows.size();
  SmallVector<int64_t> order = dimsOf(match.resultMap, match.rows), columns = dimsOf(match.resultMap, match.columns);
  llvm::append_range(order, columns);
  if (columns.size() > 1) {
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, y);
    sizes.pop_back();
    SmallVector<ReassociationIndices> groups;
    for (int64_t d = 0; d < rows; ++d)
      groups.push_back({d});
    groups.emplace_back();
    for (int64_t d : columns) {
      groups.back().push_back(sizes.size());
      sizes.push_back(b.getIndexAttr(type.getDimSize(d)));
    }
    SmallVector<int64_t> shape = llvm::map_to_vector(order, [&](int64_t d) { return type.getDimSize(d); });
    y = tensor::ExpandShapeOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), y, groups, sizes);
  }
  SmallVector<int64_t> inverse(order.size());
  for (auto [at, d] : llvm::enumerate(order))
    inverse[d] = at;
  y = permute(b, loc, y, inverse);
  return y.getType() == type ? y : Value(tensor::CastOp::create(b, loc, type, y));
}

static bool isZero(Value init) {
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    return matchPattern(fill.getInputs()[0], m_AnyZeroFloat());
  return matchPattern(init, m_AnyZeroFloat());
}

/// y + init, where the accumulator did not start at zero.
static Value addInit(OpBuilder &b, Location loc, Value y, Value init) { return arith::AddFOp::create(b, loc, y, init); }

LinearOp mlir::fptq::emitLinear(IRRewriter &rewriter, linalg::LinalgOp op, const LinearMatch &match,
                                LayerNames &names) {
  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Value weight = weightMatrix(rewriter, loc, match), x = activation(rewriter, loc, match);
  SmallVector<int64_t> shape(cast<RankedTensorType>(x.getType()).getShape());
  shape.back() = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  auto linear = LinearOp::create(rewriter, loc, RankedTensorType::get(shape, type.getElementType()), x, weight,
                                 /*bias=*/Value(), rewriter.getStringAttr(names.nameOf(weight)), /*range=*/RangeAttr(),
                                 /*channel_absmax=*/ElementsAttr(), /*policy=*/PolicyAttr(), /*scheme=*/SchemeAttr());
  Value init = op.getDpsInitOperand(0)->get();
  Value y = asResult(rewriter, loc, linear.getResult(), match, type);
  rewriter.replaceOp(op, isZero(init) ? y : addInit(rewriter, loc, y, init));
  return linear;
}
