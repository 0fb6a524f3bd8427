//===- EmitLinear.cpp - a match as fptq.linear ----------------------------===//
#include "EmitLinear.h"
#include "AbsorbBias.h"
#include "CopiedWindows.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::fptq;

/// `value` with its dimensions in the order `order`; itself where that is the identity. `sizes` are `value`'s, as far
/// as its type does not say them.
static Value permuteSized(OpBuilder &b, Location loc, Value value, ArrayRef<int64_t> order,
                          ArrayRef<OpFoldResult> sizes) {
  if (llvm::equal(order, llvm::seq<int64_t>(0, order.size())))
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<OpFoldResult> permuted = llvm::map_to_vector(order, [&](int64_t d) -> OpFoldResult {
    return type.isDynamicDim(d) ? sizes[d] : b.getIndexAttr(type.getDimSize(d));
  });
  Value init = tensor::EmptyOp::create(b, loc, permuted, type.getElementType());
  return linalg::TransposeOp::create(b, loc, value, init, order)->getResult(0);
}

Value mlir::fptq::permute(OpBuilder &b, Location loc, Value value, ArrayRef<int64_t> order) {
  return permuteSized(b, loc, value, order, tensor::getMixedSizes(b, loc, value));
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

static SmallVector<int64_t> dimsOf(AffineMap map, ArrayRef<unsigned> loops) {
  return llvm::map_to_vector(loops, [&](unsigned loop) -> int64_t { return *dimOf(map, loop); });
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

/// Codes that lie behind views which undo each other (heads taken apart, windows of a convolution) are seen as such:
/// what asks whether a weight came as codes looks no further than its op.
static Value withoutViews(Value weight) {
  Value value = weight;
  for (Operation *op = value.getDefiningOp();
       isa_and_nonnull<tensor::ExpandShapeOp, tensor::CollapseShapeOp, linalg::LinalgOp>(op) && isConstantChain(value);
       op = value.getDefiningOp())
    value = op->getOperand(0);
  bool same = value.getDefiningOp<DequantizeOp>() && value.getType() == weight.getType() &&
              constantIdentity(value) == constantIdentity(weight);
  return same ? value : weight;
}

/// rows.. x reductions..
static Value rowsOf(OpBuilder &b, Location loc, const LinearMatch &match, Value init) {
  if (match.overlap)
    return copyWindows(b, loc, match.x, match.xMap, match.rows, match.reductions, match.extents, init, match.resultMap);
  Value x = withoutWindows(b, loc, match.x, match.windows, match.extents, init, match.resultMap);
  SmallVector<int64_t> order = dimsOf(match.xMap, match.rows);
  llvm::append_range(order, dimsOf(match.xMap, match.reductions));
  return permute(b, loc, x, order);
}

/// rows.. x K, where K is known from the weight even if the model leaves it open.
static Value activation(OpBuilder &b, Location loc, const LinearMatch &match, Value init, int64_t k) {
  SmallVector<int64_t> lengths(match.rows.size(), 1);
  lengths.push_back(match.reductions.size());
  Value x = collapse(b, loc, rowsOf(b, loc, match, init), lengths);
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = k;
  return type.getShape().back() == k ? x : Value(tensor::CastOp::create(b, loc, type.clone(shape), x));
}

/// Back from rows.. x N to the result's own dimensions. Its sizes are read off `init`: the bias is looked for behind
/// the only use of `y`.
static Value asResult(OpBuilder &b, Location loc, Value y, const LinearMatch &match, Value init) {
  auto type = cast<RankedTensorType>(init.getType());
  SmallVector<int64_t> order = dimsOf(match.resultMap, match.rows), columns = dimsOf(match.resultMap, match.columns);
  int64_t rows = order.size();
  llvm::append_range(order, columns);
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, init);
  sizes = llvm::map_to_vector(order, [&](int64_t d) { return sizes[d]; });
  if (columns.size() > 1) {
    SmallVector<ReassociationIndices> groups;
    for (int64_t d = 0; d < rows; ++d)
      groups.push_back({d});
    groups.push_back(llvm::to_vector<2>(llvm::seq<int64_t>(rows, order.size())));
    SmallVector<int64_t> shape = llvm::map_to_vector(order, [&](int64_t d) { return type.getDimSize(d); });
    for (auto [i, d] : llvm::enumerate(dimsOf(match.weightMap, match.columns))) {
      shape[rows + i] = cast<RankedTensorType>(match.weight.getType()).getDimSize(d);
      sizes[rows + i] = b.getIndexAttr(shape[rows + i]);
    }
    y = tensor::ExpandShapeOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), y, groups, sizes);
  }
  SmallVector<int64_t> inverse(order.size());
  for (auto [at, d] : llvm::enumerate(order))
    inverse[d] = at;
  y = permuteSized(b, loc, y, inverse, sizes);
  return y.getType() == type ? y : Value(tensor::CastOp::create(b, loc, type, y));
}

/// The accumulator's start as a bias (of a convolution), and null where it is none.
static Value initAsBias(OpBuilder &b, Location loc, Value init, const LinearMatch &match, int64_t n) {
  if (match.columns.size() != 1)
    return {};
  AffineMap identity = b.getMultiDimIdentityMap(match.resultMap.getNumResults());
  Value constant = constantAlong(init, identity, *dimOf(match.resultMap, match.columns.front()), n);
  return constant ? asVector(b, loc, constant) : Value();
}

LinearOp mlir::fptq::emitLinear(IRRewriter &rewriter, linalg::LinalgOp op, const LinearMatch &match,
                                LayerNames &names) {
  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Value init = op.getDpsInitOperand(0)->get();
  Value weight = withoutViews(weightMatrix(rewriter, loc, match));
  ArrayRef<int64_t> nk = cast<RankedTensorType>(weight.getType()).getShape();
  Value x = activation(rewriter, loc, match, init, nk[1]);
  SmallVector<int64_t> shape(cast<RankedTensorType>(x.getType()).getShape());
  shape.back() = nk[0];
  bool zero = isZero(init);
  Value bias = zero ? Value() : initAsBias(rewriter, loc, init, match, shape.back());
  auto linear = LinearOp::create(rewriter, loc, RankedTensorType::get(shape, type.getElementType()), x, weight, bias,
                                 rewriter.getStringAttr(names.nameOf(weight)), /*range=*/RangeAttr(),
                                 /*channel_absmax=*/ElementsAttr(), /*policy=*/PolicyAttr(), /*scheme=*/SchemeAttr());
  Value y = asResult(rewriter, loc, linear.getResult(), match, init);
  if (!zero && !bias) // an accumulator that starts somewhere else
    y = arith::AddFOp::create(rewriter, loc, y, init);
  rewriter.replaceOp(op, y);
  return linear;
}
