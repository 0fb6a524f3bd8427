//===- OutlineRows.cpp - rows and their quantization as one operation -----===//
//
// Every linalg op that is made for a quantize step is a function of (row, channel): a tensor is read through an affine
// map from those two. So the ops become straight-line code for one element, and what they read becomes the inputs.
//
//===----------------------------------------------------------------------===//
#include "RowProducers.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQOUTLINEROWSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqOutlineRowsPass : impl::FptqOutlineRowsPassBase<FptqOutlineRowsPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// A row reduction by addition: the sum of `value` (times `factor`) of its body.
struct Sum {
  Value value, factor;
};

/// Collects the body and the inputs of one fptq.quantize_rows.
class RowProgram {
public:
  RowProgram(OpBuilder &outside, const llvm::SmallSetVector<Operation *, 8> &made, int64_t channels)
      : outside(outside), made(made), channels(channels), b(outside.getContext()) {
    body.push_back(new Block);
    b.setInsertionPointToStart(&body.front());
  }

  /// What `tensor` holds where `at`, a map from (row, channel), points.
  Value element(Value tensor, AffineMap at);

  OpBuilder &outside;
  const llvm::SmallSetVector<Operation *, 8> &made;
  int64_t channels;
  OpBuilder b; ///< in the body
  Region body;
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  llvm::SmallSetVector<Operation *, 8> absorbed;
  std::string reason; ///< why the last producer that was left out was

private:
  bool canAbsorb(linalg::GenericOp op, AffineMap at);
  Value absorb(linalg::GenericOp op, AffineMap at);
  Value scalar(Value value);
  Value input(Value value, AffineMap at);

  DenseMap<std::pair<Value, AffineMap>, Value> known;
};
} // namespace

/// Dimensions and zeros only.
static bool isSelection(AffineMap map) {
  return llvm::all_of(map.getResults(), [](AffineExpr e) { return isa<AffineDimExpr>(e) || e == 0; });
}

/// What kernels compute with, and what runs the same on every target: what has a polynomial, or one rounding by IEEE
/// 754.
static bool hasKernelForm(Operation *op) {
  auto plain = [](Type type) { return type.isF32() || type.isF16() || type.isBF16() || type.isSignlessInteger(); };
  if (!llvm::all_of(op->getOperandTypes(), plain) || !llvm::all_of(op->getResultTypes(), plain))
    return false;
  return isa<arith::ArithDialect>(op->getDialect()) ||
         isa<math::ExpOp, math::TanhOp, math::ErfOp, math::LogOp, math::SqrtOp, math::RsqrtOp, math::AbsFOp,
             math::FloorOp, math::CeilOp, math::RoundEvenOp, math::FmaOp, math::CopySignOp>(op);
}

/// What a launch can hand over: constants are part of the kernel.
static bool isScalarParameter(Value value) {
  Operation *definition = value.getDefiningOp();
  return (definition && definition->hasTrait<OpTrait::ConstantLike>()) || value.getType().isF32() ||
         value.getType().isInteger(32);
}

static bool isParameter(Value value) {
  auto shaped = dyn_cast<RankedTensorType>(value.getType());
  if (!shaped || !shaped.getRank())
    return isScalarParameter(value) ||
           (shaped && (shaped.getElementType().isF32() || shaped.getElementType().isInteger(32)));
  return shaped.getRank() <= 2 && shaped.getElementType().isIntOrFloat() && shaped.getElementTypeBitWidth() % 8 == 0;
}

/// The loops of `op` as functions of (row, channel) when its result is read through `at`; empty: there are none.
static SmallVector<AffineExpr> loopsOf(linalg::GenericOp op, AffineMap at) {
  SmallVector<AffineExpr> loops(op.getNumLoops());
  AffineMap results = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  for (auto [loop, along] : llvm::zip(results.getResults(), at.getResults()))
    loops[cast<AffineDimExpr>(loop).getPosition()] = along;
  AffineExpr channel = getAffineDimExpr(1, op.getContext());
  for (auto [i, kind] : llvm::enumerate(op.getIteratorTypesArray()))
    if (kind == utils::IteratorType::reduction)
      loops[i] = at.isFunctionOfDim(1) ? AffineExpr() : channel;
  return llvm::is_contained(loops, AffineExpr()) ? SmallVector<AffineExpr>() : loops;
}

static std::optional<Sum> matchSum(linalg::GenericOp op) {
  auto sum = op.getBlock()->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  BlockArgument out = op.getBlock()->getArguments().back();
  if (!sum || !sum.getType().isF32() || !out.hasOneUse() || !llvm::is_contained(sum->getOperands(), Value(out)))
    return std::nullopt;
  Value value = sum.getLhs() == out ? sum.getRhs() : sum.getLhs();
  auto contracts = [](auto op) { return bitEnumContainsAll(op.getFastmath(), arith::FastMathFlags::contract); };
  auto product = value.getDefiningOp<arith::MulFOp>();
  if (product && contracts(product) && contracts(sum))
    return Sum{product.getLhs(), product.getRhs()};
  return Sum{value, {}};
}

bool RowProgram::canAbsorb(linalg::GenericOp op, AffineMap at) {
  auto no = [&](const Twine &why) {
    reason = why.str();
    return false;
  };
  SmallVector<AffineExpr> loops = loopsOf(op, at);
  if (loops.empty())
    return no("a reduction along something else than the row");
  for (AffineMap map : op.getIndexingMapsArray())
    if (!isSelection(map))
      return no("an index that is computed");
  for (Value operand : op->getOperands())
    if (!isParameter(operand))
      return no("an input of another type");
  for (Operation &inside : op.getBlock()->without_terminator()) {
    auto isForeign = [&](Value v) { return v.getParentBlock() != op.getBlock() && !isScalarParameter(v); };
    if (!hasKernelForm(&inside) || llvm::any_of(inside.getOperands(), isForeign))
      return no(inside.getName().getStringRef());
  }
  if (!op.getNumReductionLoops())
    return true;
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  if (!matchSum(op) || op.getStaticLoopRanges()[reductions[0]] != channels)
    return no("a reduction that is no sum of the row");
  return true;
}

Value RowProgram::absorb(linalg::GenericOp op, AffineMap at) {
  SmallVector<AffineExpr> loops = loopsOf(op, at);
  IRMapping mapping;
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    if (argument.use_empty() || (op.isDpsInit(&operand) && op.getNumReductionLoops()))
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand).replaceDimsAndSymbols(loops, {}, 2, 0);
    Value value = isa<ShapedType>(operand.get().getType()) ? element(operand.get(), map) : scalar(operand.get());
    mapping.map(argument, value);
  }
  std::optional<Sum> sum = op.getNumReductionLoops() ? matchSum(op) : std::nullopt;
  for (Operation &inside : op.getBlock()->without_terminator()) {
    for (Value operand : inside.getOperands())
      if (operand.getParentBlock() != op.getBlock())
        mapping.map(operand, scalar(operand));
    if (!sum || llvm::none_of(inside.getOperands(), [&](Value v) { return v == op.getBlock()->getArguments().back(); }))
      b.clone(inside, mapping);
  }
  absorbed.insert(op);
  if (!sum)
    return mapping.lookupOrDefault(op.getBlock()->getTerminator()->getOperand(0));
  Value total =
      RowSumOp::create(b, op.getLoc(), mapping.lookup(sum->value), sum->factor ? mapping.lookup(sum->factor) : Value());
  OpOperand *init = op.getDpsInitOperand(0);
  return arith::AddFOp::create(b, op.getLoc(), element(init->get(), at), total);
}

Value RowProgram::scalar(Value value) {
  Value &found = known[{value, AffineMap()}];
  if (found)
    return found;
  Operation *definition = value.getDefiningOp();
  if (definition && definition->hasTrait<OpTrait::ConstantLike>())
    return found = b.clone(*definition)->getResult(0);
  return found = input(value, AffineMap::get(2, 0, b.getContext()));
}

Value RowProgram::input(Value value, AffineMap at) {
  inputs.push_back(value);
  maps.push_back(at);
  return body.front().addArgument(getElementTypeOrSelf(value.getType()), value.getLoc());
}

Value RowProgram::element(Value tensor, AffineMap at) {
  if (Value found = known.lookup({tensor, at}))
    return found;
  Value result;
  DenseElementsAttr splat;
  if (auto fill = tensor.getDefiningOp<linalg::FillOp>())
    result = scalar(fill.getInputs()[0]);
  else if (matchPattern(tensor, m_Constant(&splat)) && splat.isSplat() && isa<FloatType>(splat.getElementType()))
    result = arith::ConstantOp::create(b, tensor.getLoc(), splat.getSplatValue<TypedAttr>());
  else if (auto op = tensor.getDefiningOp<linalg::GenericOp>(); op && made.contains(op) && canAbsorb(op, at))
    result = absorb(op, at);
  else if (at.getNumResults() == 0)
    result = scalar(tensor::ExtractOp::create(outside, tensor.getLoc(), tensor, ValueRange()));
  else
    result = input(tensor, at);
  return known[{tensor, at}] = result;
}

/// The activation in f32, times the multiplier as (Q1) rounds it.
static Value activation(RowProgram &program, QuantizeActivationsOp op) {
  MLIRContext *context = op.getContext();
  OpBuilder &b = program.b;
  Value value = program.element(op.getX(), AffineMap::getMultiDimIdentityMap(2, context));
  if (!value.getType().isF32())
    value = arith::ExtFOp::create(b, op.getLoc(), b.getF32Type(), value);
  if (Value multiplier = op.getMultiplier())
    value = arith::MulFOp::create(b, op.getLoc(), value,
                                  program.element(multiplier, AffineMap::get(2, 0, getAffineDimExpr(1, context))));
  return value;
}

static void outline(IRRewriter &rewriter, QuantizeActivationsOp op) {
  int64_t channels = op.getInputChannels();
  if (ShapedType::isDynamic(channels))
    return;
  auto made = madeFor(op);
  rewriter.setInsertionPoint(op);
  RowProgram program(rewriter, made, channels);
  YieldOp::create(program.b, op.getLoc(), activation(program, op));
  auto named = [](StringRef name) { return remark::RemarkOpts::name(name).category("LinalgToVector"); };
  if (program.absorbed.empty()) {
    if (made.size() > 1)
      remark::missed(op.getLoc(), named("QuantizeStepNotFused")) << remark::reason("{0}", program.reason);
    return;
  }
  auto rows = QuantizeRowsOp::create(rewriter, op.getLoc(), op->getResultTypes(), program.inputs, op.getStaticScale(),
                                     op.getQInit(), op.getScalesInit(), op.getSumsInit(),
                                     rewriter.getAffineMapArrayAttr(program.maps), channels, op.getGroupSize(),
                                     op.getPaddedGroupSize());
  rows.getBody().takeBody(program.body);
  remark::passed(op.getLoc(), named("QuantizeStepFused")) << remark::metric("ops", program.absorbed.size() + 1);
  rewriter.replaceOp(op, rows);
}

void FptqOutlineRowsPass::runOnOperation() {
  // Powers by a constant have no other kernel form.
  RewritePatternSet patterns(&getContext());
  populateMathAlgebraicSimplificationPatterns(patterns);
  if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
    return signalPassFailure();
  SmallVector<QuantizeActivationsOp> ops;
  getOperation().walk([&](QuantizeActivationsOp op) { ops.push_back(op); });
  IRRewriter rewriter(&getContext());
  for (QuantizeActivationsOp op : ops)
    outline(rewriter, op);
}
} // namespace mlir::fptq
