//===- DequantizeMatch.cpp - does this value dequantize a constant? -------===//
#include "DequantizeMatch.h"
#include "QuantParameters.h"
#include "fptq/Raise/ComputedWeight.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::fptq;

namespace {
/// What a value is made of; casts between integers and to floats are looked through.
struct Expr {
  enum Kind { Constant, Difference, Product } kind = Constant;
  const Expr *left = nullptr, *right = nullptr;
  IndexedConstant constant;
  unsigned width = 64;         ///< of a difference of integers
  bool isSignExtended = false; ///< a constant's integers have been
};

/// Reads a value backwards; null for anything that is no expression of constants.
class Reader {
public:
  const Expr *read(Value value, AffineMap map);

private:
  /// `scalar` in the body of `op`, whose loops are `loops` of the value's dimensions.
  const Expr *readScalar(Value scalar, linalg::LinalgOp op, AffineMap loops);
  const Expr *convert(Operation *op, const Expr *below);
  const Expr *readArithmetic(Operation *op, llvm::function_ref<const Expr *(Value)> operand);
  const Expr *readQuantized(quant::DequantizeCastOp op, AffineMap map);
  const Expr *typeConstant(ArrayRef<double> given, AffineMap map, ArrayRef<int64_t> shape);
  const Expr *constantOf(Value value, AffineMap map);

  const Expr *make(Expr expr) { return &arena.emplace_back(std::move(expr)); }
  /// Null for what is deeper than a product with a difference of constants.
  const Expr *combine(Expr::Kind kind, const Expr *left, const Expr *right, unsigned width = 64) {
    Expr::Kind deepest = kind == Expr::Product ? Expr::Difference : Expr::Constant;
    bool fits = left && right && left->kind <= deepest && right->kind <= deepest;
    return fits ? make({kind, left, right, {}, width}) : nullptr;
  }
  std::deque<Expr> arena;
};
} // namespace

//===----------------------------------------------------------------------===//
// Reshapes as affine maps
//===----------------------------------------------------------------------===//

/// Indices below a collapse_shape: one index becomes those of its group, by division and remainder.
static AffineMap belowCollapse(tensor::CollapseShapeOp op, AffineMap map) {
  // A scalar's source has unit dimensions, which no group names.
  SmallVector<AffineExpr> results(map.getNumResults() ? 0 : op.getSrcType().getRank(),
                                  getAffineConstantExpr(0, op.getContext()));
  for (auto [d, group] : llvm::enumerate(op.getReassociationIndices())) {
    AffineExpr rest = map.getResult(d);
    SmallVector<AffineExpr> indices;
    for (int64_t source : llvm::reverse(group)) {
      int64_t size = op.getSrcType().getDimSize(source);
      bool first = source == group.front();
      indices.push_back(first ? rest : rest % size);
      rest = rest.floorDiv(size);
    }
    llvm::append_range(results, llvm::reverse(indices));
  }
  return AffineMap::get(map.getNumDims(), 0, results, op.getContext());
}

/// Indices below an expand_shape: those of a group become one.
static AffineMap belowExpand(tensor::ExpandShapeOp op, AffineMap map) {
  SmallVector<AffineExpr> results;
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    AffineExpr index = getAffineConstantExpr(0, op.getContext());
    for (int64_t d : group)
      index = index * op.getResultType().getDimSize(d) + map.getResult(d);
    results.push_back(index);
  }
  return AffineMap::get(map.getNumDims(), 0, results, op.getContext());
}

/// Indices below a slice at a fixed place.
static AffineMap belowSlice(tensor::ExtractSliceOp op, AffineMap map) {
  llvm::SmallBitVector dropped = op.getDroppedDims();
  SmallVector<AffineExpr> results;
  unsigned kept = 0;
  for (auto [d, offset, stride] : llvm::enumerate(op.getStaticOffsets(), op.getStaticStrides())) {
    AffineExpr index = dropped.test(d) ? getAffineConstantExpr(0, op.getContext()) : map.getResult(kept++);
    results.push_back(index * stride + offset);
  }
  return AffineMap::get(map.getNumDims(), 0, results, op.getContext());
}

static bool isFixed(tensor::ExtractSliceOp op) {
  return !ShapedType::isDynamicShape(op.getStaticOffsets()) && !ShapedType::isDynamicShape(op.getStaticStrides());
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

const Expr *Reader::constantOf(Value value, AffineMap map) {
  Expr expr;
  expr.constant.constant = value;
  expr.constant.map = map;
  if (auto type = dyn_cast<RankedTensorType>(value.getType()))
    expr.constant.shape.assign(type.getShape().begin(), type.getShape().end());
  else // a scalar, whatever the loop
    expr.constant.map = AffineMap::get(map.getNumDims(), 0, value.getContext());
  return make(std::move(expr));
}

const Expr *Reader::typeConstant(ArrayRef<double> given, AffineMap map, ArrayRef<int64_t> shape) {
  Expr expr;
  expr.constant.given.assign(given.begin(), given.end());
  expr.constant.map = map;
  expr.constant.shape.assign(shape.begin(), shape.end());
  return make(std::move(expr));
}

/// `below` as `op` converts it: other bits of an integer, or the float that it is. Frontends keep scales as f64 and
/// zero points as i64, and narrow them where they are used.
const Expr *Reader::convert(Operation *op, const Expr *below) {
  if (isa<arith::SIToFPOp, arith::ExtFOp>(op) || !below)
    return below;
  bool readsUnsigned = isa<arith::UIToFPOp, arith::ExtUIOp>(op), isExtension = isa<arith::ExtSIOp>(op);
  Type element = getElementTypeOrSelf(op->getResult(0).getType());
  if (below->kind != Expr::Constant) // differences of unsigned numbers wrap, products are rounded
    return isExtension ? below : nullptr;
  if (isa<arith::TruncFOp>(op) && !element.isF32())
    return nullptr;
  if (readsUnsigned && below->isSignExtended) // a negative code of 4 bits is a large number of 8
    return nullptr;
  Expr copy = *below;
  copy.isSignExtended |= isExtension && !below->constant.isUnsigned;
  copy.constant.isUnsigned |= readsUnsigned;
  if (isa<arith::TruncIOp>(op))
    copy.constant.fitsBits = element.getIntOrFloatBitWidth();
  return make(std::move(copy));
}

/// Looks through casts; keeps differences and products.
const Expr *Reader::readArithmetic(Operation *op, llvm::function_ref<const Expr *(Value)> operand) {
  if (isa<arith::SIToFPOp, arith::ExtSIOp, arith::ExtFOp, arith::UIToFPOp, arith::ExtUIOp, arith::TruncIOp,
          arith::TruncFOp>(op))
    return convert(op, operand(op->getOperand(0)));
  bool isDifference = isa<arith::SubIOp, arith::SubFOp>(op);
  if (!isDifference && !isa<arith::MulFOp>(op))
    return nullptr;
  const Expr *left = operand(op->getOperand(0));
  if (!left) // nor is the right one looked at: of a value squared again and again that would double with each square
    return nullptr;
  Type element = getElementTypeOrSelf(op->getResult(0).getType());
  return combine(isDifference ? Expr::Difference : Expr::Product, left, operand(op->getOperand(1)),
                 isDifference && element.isInteger() ? element.getIntOrFloatBitWidth() : 64);
}

const Expr *Reader::readScalar(Value scalar, linalg::LinalgOp op, AffineMap loops) {
  if (auto argument = dyn_cast<BlockArgument>(scalar); argument && argument.getOwner() == op.getBlock()) {
    OpOperand *operand = op.getMatchingOpOperand(argument);
    if (!op.isDpsInput(operand))
      return nullptr;
    AffineMap map = op.getMatchingIndexingMap(operand);
    return map.isProjectedPermutation(/*allowZeroInResults=*/true) ? read(operand->get(), map.compose(loops)) : nullptr;
  }
  Operation *defining = scalar.getDefiningOp();
  if (!defining)
    return nullptr;
  if (isConstantRoot(defining))
    return constantOf(scalar, loops);
  return readArithmetic(defining, [&](Value operand) { return readScalar(operand, op, loops); });
}

const Expr *Reader::read(Value value, AffineMap map) {
  Operation *op = value.getDefiningOp();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!op || (type && !type.hasStaticShape()))
    return nullptr;
  if (isConstantRoot(op))
    return constantOf(value, map);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op))
    return read(collapse.getSrc(), belowCollapse(collapse, map));
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return read(expand.getSrc(), belowExpand(expand, map));
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op); slice && isFixed(slice))
    return read(slice.getSource(), belowSlice(slice, map));
  if (auto dequantize = dyn_cast<quant::DequantizeCastOp>(op))
    return readQuantized(dequantize, map);
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    AffineMap out = linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0));
    if (linalgOp.getNumDpsInits() != 1 || linalgOp.getNumReductionLoops() || !out.isPermutation())
      return nullptr;
    return readScalar(linalgOp.getBlock()->getTerminator()->getOperand(0), linalgOp,
                      inversePermutation(out).compose(map));
  }
  return readArithmetic(op, [&](Value operand) { return read(operand, map); });
}

//===----------------------------------------------------------------------===//
// !quant types
//===----------------------------------------------------------------------===//

/// dcast(scast(integers)), or dcast(qcast(floats)), as the product that it stands for.
const Expr *Reader::readQuantized(quant::DequantizeCastOp op, AffineMap map) {
  auto type = cast<quant::QuantizedType>(getElementTypeOrSelf(op.getInput().getType()));
  std::optional<QuantParameters> parameters = quantParameters(type);
  Operation *source = op.getInput().getDefiningOp();
  if (!parameters || !source)
    return nullptr;
  Expr codes;
  if (auto storage = dyn_cast<quant::StorageCastOp>(source)) {
    const Expr *below = read(storage.getInput(), map);
    if (!below || below->kind != Expr::Constant)
      return nullptr;
    codes = *below;
  } else if (auto quantize = dyn_cast<quant::QuantizeCastOp>(source);
             quantize && isConstantChain(quantize.getInput())) {
    codes.constant.quantized = quantize.getInput();
    codes.constant.quantizedType = type;
    codes.constant.map = map;
    llvm::append_range(codes.constant.shape, cast<RankedTensorType>(op.getInput().getType()).getShape());
  } else {
    return nullptr;
  }
  codes.constant.isUnsigned = !type.isSigned();
  SmallVector<AffineExpr> indices;
  SmallVector<int64_t> shape;
  for (const QuantParameters::Dim &dim : parameters->dims) {
    indices.push_back(map.getResult(dim.dim).floorDiv(dim.block));
    shape.push_back(dim.size);
  }
  AffineMap at = AffineMap::get(map.getNumDims(), 0, indices, type.getContext());
  return combine(Expr::Product,
                 combine(Expr::Difference, make(std::move(codes)), typeConstant(parameters->zeros, at, shape)),
                 typeConstant(parameters->scales, at, shape));
}

//===----------------------------------------------------------------------===//
// The one form
//===----------------------------------------------------------------------===//

static bool isInteger(const IndexedConstant &constant) {
  return constant.quantized || (constant.constant && getElementTypeOrSelf(constant.constant.getType()).isInteger());
}

/// codes, or codes - zero.
static bool takeCodes(const Expr *expr, Dequantization &result) {
  if (expr->kind == Expr::Difference && expr->right->kind == Expr::Constant) {
    result.zero = expr->right->constant;
    result.differenceBits = expr->width;
    expr = expr->left;
  }
  if (expr->kind != Expr::Constant || !isInteger(expr->constant))
    return false;
  result.codes = expr->constant;
  return true;
}

FailureOr<Dequantization> mlir::fptq::matchDequantization(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  Reader reader;
  const Expr *expr = reader.read(value, AffineMap::getMultiDimIdentityMap(type.getRank(), value.getContext()));
  if (!expr || expr->kind != Expr::Product)
    return failure();
  for (auto [scale, codes] : {std::pair(expr->left, expr->right), std::pair(expr->right, expr->left)}) {
    Dequantization result;
    if (scale->kind != Expr::Constant || isInteger(scale->constant) || !takeCodes(codes, result))
      continue;
    result.scale = scale->constant;
    return result;
  }
  return failure();
}
