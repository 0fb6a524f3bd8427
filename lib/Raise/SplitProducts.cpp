//===- SplitProducts.cpp - arithmetic out of contractions -----------------===//
//
// A compiler that fuses before it exports writes `sum += x * (w * scale)` in one body: a scale, a sign, a cast of the
// weight. As a generic of its own the weight's part is a computed weight (`fptq-fold-weights`) or one of codes
// (`fptq-import-quant`), and the rest is the contraction that every matcher knows. The factors may then be rounded in
// another order than in the model, which the weight's quantization drowns.
//
//===----------------------------------------------------------------------===//
#include "SplitProducts.h"
#include "MatchLinear.h"
#include "ProductFactors.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::fptq;

namespace {
/// An operand of the contraction that is made.
struct Side {
  Value tensor;
  AffineMap map;
};

/// Makes a generic of one side of a product, of elements of type `element`.
class SideBuilder {
public:
  SideBuilder(RewriterBase &b, linalg::LinalgOp op, FloatType element) : b(b), op(op), element(element) {}
  FailureOr<Side> build(ArrayRef<Factor> factors, bool isNegative);

private:
  AffineMap mapOf(BlockArgument input) { return op.getMatchingIndexingMap(op.getMatchingOpOperand(input)); }
  Value operandOf(BlockArgument input) { return op.getMatchingOpOperand(input)->get(); }
  /// An input as it is, where the side is no more than that.
  std::optional<Side> plain(ArrayRef<Factor> factors, bool isNegative);
  /// The maps of `inputs` and of the result over the side's own loops, and the result's sizes; `side.map` leads from
  /// the contraction's loops to them.
  LogicalResult chooseLoops(ArrayRef<BlockArgument> inputs, SmallVectorImpl<AffineMap> &maps,
                            SmallVectorImpl<OpFoldResult> &sizes, Side &side);
  Value compute(OpBuilder &body, ArrayRef<Factor> factors, bool isNegative, FloatType type, IRMapping &mapping);

  RewriterBase &b;
  linalg::LinalgOp op;
  FloatType element;
};
} // namespace

static unsigned widthOf(Value v) { return v.getType().getIntOrFloatBitWidth(); }

static Value castTo(OpBuilder &b, Location loc, Value v, FloatType type) {
  if (v.getType() == type)
    return v;
  if (widthOf(v) < type.getWidth())
    return arith::ExtFOp::create(b, loc, type, v);
  return arith::TruncFOp::create(b, loc, type, v);
}

/// Copies what computes `v` in another body.
static Value copyInto(OpBuilder &b, Value v, Block *from, IRMapping &mapping) {
  Operation *op = v.getDefiningOp();
  if (mapping.contains(v) || !op || op->getBlock() != from)
    return mapping.lookupOrDefault(v);
  for (Value operand : op->getOperands())
    copyInto(b, operand, from, mapping);
  b.clone(*op, mapping);
  return mapping.lookup(v);
}

std::optional<Side> SideBuilder::plain(ArrayRef<Factor> factors, bool isNegative) {
  if (factors.size() != 1 || factors[0].isDivisor || isNegative)
    return std::nullopt;
  Value v = factors[0].value;
  while (auto extension = v.getDefiningOp<arith::ExtFOp>())
    v = extension.getIn();
  auto input = dyn_cast<BlockArgument>(v);
  bool fits = input && input.getOwner() == op.getBlock() && (v.getType() == element || widthOf(v) < element.getWidth());
  return fits ? std::optional(Side{operandOf(input), mapOf(input)}) : std::nullopt;
}

LogicalResult SideBuilder::chooseLoops(ArrayRef<BlockArgument> inputs, SmallVectorImpl<AffineMap> &maps,
                                       SmallVectorImpl<OpFoldResult> &sizes, Side &side) {
  if (inputs.size() == 1) { // its own dimensions, however the contraction walks over them
    auto type = dyn_cast<RankedTensorType>(operandOf(inputs[0]).getType());
    if (!type)
      return failure();
    side.map = mapOf(inputs[0]);
    sizes = tensor::getMixedSizes(b, op.getLoc(), operandOf(inputs[0]));
    maps.append(2, b.getMultiDimIdentityMap(type.getRank()));
    return success();
  }
  SmallVector<AffineExpr> ownLoops(op.getNumLoops(), b.getAffineConstantExpr(0)), taken;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    for (BlockArgument input : inputs)
      if (std::optional<unsigned> dim = dimOf(mapOf(input), loop)) {
        ownLoops[loop] = b.getAffineDimExpr(taken.size());
        taken.push_back(b.getAffineDimExpr(loop));
        sizes.push_back(tensor::getMixedSize(b, op.getLoc(), operandOf(input), *dim));
        break;
      }
  for (BlockArgument input : inputs) {
    if (!mapOf(input).isProjectedPermutation(/*allowZeroInResults=*/true))
      return failure();
    maps.push_back(mapOf(input).replaceDimsAndSymbols(ownLoops, {}, taken.size(), 0));
  }
  maps.push_back(b.getMultiDimIdentityMap(taken.size()));
  side.map = AffineMap::get(op.getNumLoops(), 0, taken, b.getContext());
  return success();
}

Value SideBuilder::compute(OpBuilder &body, ArrayRef<Factor> factors, bool isNegative, FloatType type,
                           IRMapping &mapping) {
  Location loc = op.getLoc();
  Value product;
  for (bool divides : {false, true})
    for (const Factor &factor : factors) {
      if (factor.isDivisor != divides)
        continue;
      Value v = castTo(body, loc, copyInto(body, factor.value, op.getBlock(), mapping), type);
      if (divides && !product)
        product = arith::ConstantOp::create(body, loc, body.getFloatAttr(type, 1.0));
      if (divides)
        product = arith::DivFOp::create(body, loc, product, v);
      else
        product = product ? arith::MulFOp::create(body, loc, product, v) : v;
    }
  return isNegative ? arith::NegFOp::create(body, loc, product) : product;
}

/// The type that holds each factor: a product that is halves in the end may be one of numbers that are none.
static FloatType widestOf(ArrayRef<Factor> factors, FloatType type) {
  for (const Factor &factor : factors)
    if (widthOf(factor.value) > type.getWidth())
      type = cast<FloatType>(factor.value.getType());
  return type;
}

FailureOr<Side> SideBuilder::build(ArrayRef<Factor> factors, bool isNegative) {
  if (std::optional<Side> side = plain(factors, isNegative))
    return *side;
  FloatType type = widestOf(factors, element);
  SetVector<BlockArgument> inputs;
  for (const Factor &factor : factors) {
    if (factor.value.getType() != type && widthOf(factor.value) == type.getWidth())
      return failure(); // bf16 is no cast away from f16
    inputs.insert_range(factor.inputs);
  }
  SmallVector<AffineMap> maps;
  SmallVector<OpFoldResult> sizes;
  Side side;
  if (inputs.empty() || failed(chooseLoops(inputs.getArrayRef(), maps, sizes, side)))
    return failure();
  Location loc = op.getLoc();
  SmallVector<Value> operands = llvm::map_to_vector(inputs, [&](BlockArgument input) { return operandOf(input); });
  Value init = tensor::EmptyOp::create(b, loc, sizes, type);
  SmallVector<utils::IteratorType> iterators(sizes.size(), utils::IteratorType::parallel);
  auto made = linalg::GenericOp::create(b, loc, init.getType(), operands, init, maps, iterators,
                                        [&](OpBuilder &body, Location loc, ValueRange arguments) {
                                          IRMapping mapping;
                                          mapping.map(inputs.getArrayRef(), arguments.drop_back());
                                          Value v = compute(body, factors, isNegative, type, mapping);
                                          linalg::YieldOp::create(body, loc, v);
                                        });
  side.tensor = made.getResult(0);
  if (type != element)
    side.tensor = arith::TruncFOp::create(b, loc, cast<ShapedType>(init.getType()).clone(element), side.tensor);
  return side;
}

/// sum += x * w, of two tensors.
static FailureOr<Value> contract(RewriterBase &b, linalg::LinalgOp op, unsigned number, const ProductSum &sum) {
  OpOperand *init = op.getDpsInitOperand(number);
  auto element = dyn_cast<FloatType>(getElementTypeOrSelf(init->get().getType()));
  if (!element)
    return failure();
  SideBuilder sides(b, op, element);
  FailureOr<Side> x = sides.build(sum.activation, /*isNegative=*/false);
  if (failed(x))
    return failure();
  FailureOr<Side> weight = sides.build(sum.weight, sum.isNegative);
  if (failed(weight))
    return failure();
  AffineMap maps[] = {x->map, weight->map, op.getMatchingIndexingMap(init)};
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    if (llvm::none_of(maps, [&](AffineMap map) { return dimOf(map, loop); }))
      return failure(); // its extent would be nobody's
  auto made =
      linalg::GenericOp::create(b, op.getLoc(), init->get().getType(), {x->tensor, weight->tensor}, init->get(), maps,
                                op.getIteratorTypesArray(), [&](OpBuilder &body, Location loc, ValueRange arguments) {
                                  Value left = castTo(body, loc, arguments[0], element),
                                        right = castTo(body, loc, arguments[1], element);
                                  Value product = arith::MulFOp::create(body, loc, left, right);
                                  Value next = arith::AddFOp::create(body, loc, arguments[2], product);
                                  linalg::YieldOp::create(body, loc, next);
                                });
  return made.getResult(0);
}

static void split(RewriterBase &b, linalg::LinalgOp op) {
  SmallVector<ProductSum> sums;
  for (unsigned number = 0; number < op.getNumDpsInits(); ++number) {
    std::optional<ProductSum> sum = readProduct(op, number);
    if (!sum)
      return;
    sums.push_back(std::move(*sum));
  }
  b.setInsertionPoint(op);
  Operation *before = op->getPrevNode();
  SmallVector<Value> results;
  for (auto [number, sum] : llvm::enumerate(sums)) {
    FailureOr<Value> result = contract(b, op, number, sum);
    if (failed(result)) {
      while (op->getPrevNode() != before)
        b.eraseOp(op->getPrevNode());
      return;
    }
    results.push_back(*result);
  }
  b.replaceOp(op, results);
}

static bool mayBeSplit(linalg::LinalgOp op) {
  return op.hasPureTensorSemantics() && op.getNumReductionLoops() && op.getNumDpsInputs() > 1 &&
         !isMultiplyAccumulate(op);
}

void mlir::fptq::splitProducts(ModuleOp module) {
  SmallVector<linalg::LinalgOp> ops;
  module.walk([&](linalg::LinalgOp op) {
    if (mayBeSplit(op))
      ops.push_back(op);
  });
  IRRewriter rewriter(module.getContext());
  for (linalg::LinalgOp op : ops)
    split(rewriter, op);
}

Value mlir::fptq::unsplitWeight(linalg::LinalgOp op) {
  Value weight;
  for (unsigned number = 0; mayBeSplit(op) && !weight && number < op.getNumDpsInits(); ++number)
    readProduct(op, number, &weight);
  return weight;
}
