//===- SkipMaskedKeys.cpp - blocks of rows stop at their last key ---------===//
#include "Tiling.h"
#include "fptq/Conversion/LinalgToVector/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::fptq {
#define GEN_PASS_DEF_FPTQSKIPMASKEDKEYSPASS
#include "fptq/Conversion/LinalgToVector/Passes.h.inc"

namespace {
struct FptqSkipMaskedKeysPass : impl::FptqSkipMaskedKeysPassBase<FptqSkipMaskedKeysPass> {
  using Base::Base;
  void runOnOperation() override;
};

/// select(key <= last(row), score, -inf) in the body of `op`.
struct CausalMask {
  linalg::GenericOp op;
  unsigned keys; ///< the loop of the keys
  Value last;    ///< the last key that a row sees, computed in the body
};
} // namespace

static bool isMinusInfinity(Value value) {
  APFloat constant(0.0f);
  return matchPattern(value, m_ConstantFloat(&constant)) && constant.isInfinity() && constant.isNegative();
}

static bool isPositive(Value value) {
  APFloat constant(0.0f);
  return matchPattern(value, m_ConstantFloat(&constant)) && !constant.isNegative() && !constant.isZero();
}

using Scores = llvm::SetVector<Value>;

/// Adds the elements of the `number`th result of `op` as their readers see them; false where one is no linalg op.
static bool followResult(linalg::LinalgOp op, unsigned number, Scores &scores) {
  for (OpOperand &use : op->getResult(number).getUses()) {
    auto reader = dyn_cast<linalg::LinalgOp>(use.getOwner());
    if (!reader && !isa<tensor::DimOp>(use.getOwner()))
      return false;
    if (reader && reader.payloadUsesValueFromOperand(&use))
      scores.insert(reader.getMatchingBlockArgument(&use));
  }
  return true;
}

/// Adds what a score of minus infinity still shows in behind `use`; false where that could be told from none.
static bool followScore(OpOperand &use, Scores &scores) {
  Operation *reader = use.getOwner();
  auto op = dyn_cast<linalg::LinalgOp>(reader->getParentOp());
  if (isa<math::ExpOp, math::Exp2Op>(reader) || !op)
    return bool(op);               // zero from here on
  if (op.getNumReductionLoops()) { // torch-mlir computes the place of the largest beside it
    auto compare = dyn_cast<arith::CmpFOp>(reader);
    return isa<arith::MaximumFOp, arith::MaxNumFOp>(reader) ||
           (compare && use.getOperandNumber() == 0 && compare.getPredicate() == arith::CmpFPredicate::OGT);
  }
  if (isa<linalg::YieldOp>(reader))
    return followResult(op, use.getOperandNumber(), scores);
  bool stays = isa<arith::AddFOp, arith::ExtFOp, arith::TruncFOp>(reader) ||
               (isa<arith::SubFOp>(reader) && use.getOperandNumber() == 0) ||
               (isa<arith::DivFOp>(reader) && use.getOperandNumber() == 0 && isPositive(reader->getOperand(1))) ||
               (isa<arith::MulFOp>(reader) && isPositive(reader->getOperand(1 - use.getOperandNumber())));
  if (stays)
    scores.insert(reader->getResult(0));
  return stays;
}

/// True if nothing tells a score of minus infinity from one that is not there: it is shifted and scaled, is never the
/// largest, and its exponential is 0. Another mask behind this one may show the key after all (the prefix of a prefix
/// LM).
static bool leavesNoTrace(Value score) {
  Scores scores;
  scores.insert(score);
  for (size_t i = 0; i < scores.size(); ++i)
    if (!llvm::all_of(scores[i].getUses(), [&](OpOperand &use) { return followScore(use, scores); }))
      return false;
  return true;
}

static std::optional<CausalMask> matchMask(linalg::GenericOp op) {
  for (Operation &inner : op.getBody()->without_terminator()) {
    auto select = dyn_cast<arith::SelectOp>(inner);
    auto compare = select ? select.getCondition().getDefiningOp<arith::CmpIOp>() : arith::CmpIOp();
    if (!compare || !isMinusInfinity(select.getFalseValue()))
      continue;
    Value key = compare.getLhs(), last = compare.getRhs();
    using P = arith::CmpIPredicate;
    P predicate = compare.getPredicate();
    if (predicate == P::uge || predicate == P::sge)
      std::swap(key, last);
    else if (predicate != P::ule && predicate != P::sle)
      continue;
    if (auto index = key.getDefiningOp<linalg::IndexOp>(); index && leavesNoTrace(select.getResult()))
      return CausalMask{op, (unsigned)index.getDim(), last};
  }
  return std::nullopt;
}

/// The size of loop `d` of `op` as its result's storage was sized; null where that is not found.
static OpFoldResult extentOf(linalg::GenericOp op, unsigned d) {
  OpOperand *init = op.getDpsInitOperand(0);
  AffineExpr dim = getAffineDimExpr(d, op.getContext());
  auto results = op.getMatchingIndexingMap(init).getResults();
  unsigned at = llvm::find(results, dim) - results.begin();
  if (at == results.size())
    return {};
  Value value = init->get();
  while (Operation *definition = value.getDefiningOp()) {
    if (auto empty = dyn_cast<tensor::EmptyOp>(definition))
      return empty.getMixedSizes()[at];
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(definition))
      return slice.getType().getRank() == slice.getSourceType().getRank() ? slice.getMixedSizes()[at] : OpFoldResult();
    auto destination = dyn_cast<DestinationStyleOpInterface>(definition);
    if (!destination)
      return {};
    value = destination.getTiedOpOperand(cast<OpResult>(value))->get();
  }
  return {};
}

/// `value` of the body with every row index at its largest, before `op`; null where it is not a sum of indices and
/// values from outside, which grows with each of them.
static Value largest(OpBuilder &b, linalg::GenericOp op, unsigned keys, Value value) {
  Operation *definition = value.getDefiningOp();
  if (!definition || definition->getBlock() != op.getBody())
    return isa<BlockArgument>(value) && cast<BlockArgument>(value).getOwner() == op.getBody() ? Value() : value;
  Location loc = op.getLoc();
  if (auto index = dyn_cast<linalg::IndexOp>(definition)) {
    if (index.getDim() == keys)
      return {};
    OpFoldResult size = extentOf(op, index.getDim());
    if (!size)
      return {};
    Value count = getValueOrCreateConstantIndexOp(b, loc, size);
    return arith::SubIOp::create(b, loc, count, arith::ConstantIndexOp::create(b, loc, 1));
  }
  bool grows = isa<arith::AddIOp>(definition);
  if (auto apply = dyn_cast<affine::AffineApplyOp>(definition)) {
    AffineMap map = apply.getAffineMap();
    auto sum = dyn_cast<AffineBinaryOpExpr>(map.getResult(0));
    grows = sum && sum.getKind() == AffineExprKind::Add && map.getNumInputs() == 2 &&
            isa<AffineDimExpr, AffineSymbolExpr>(sum.getLHS()) && isa<AffineDimExpr, AffineSymbolExpr>(sum.getRHS());
  }
  if (!grows)
    return {};
  IRMapping mapping;
  for (Value operand : definition->getOperands()) {
    Value bound = largest(b, op, keys, operand);
    if (!bound)
      return {};
    mapping.map(operand, bound);
  }
  return b.clone(*definition, mapping)->getResult(0);
}

/// Moves what computes `value` before `reader`; false where it is more than arithmetic.
static bool moveBefore(Value value, Operation *reader) {
  Operation *definition = value.getDefiningOp();
  if (!definition || definition->getBlock() != reader->getBlock() || definition->isBeforeInBlock(reader))
    return true;
  if (!isa<arith::ArithDialect, affine::AffineDialect>(definition->getDialect()) || definition->getNumRegions())
    return false;
  if (!llvm::all_of(definition->getOperands(), [&](Value operand) { return moveBefore(operand, reader); }))
    return false;
  definition->moveBefore(reader);
  return true;
}

/// Shortens the dynamic dimension of the keys, everywhere in the loop around the mask.
static void shorten(CausalMask mask) {
  auto loop = mask.op->getParentOfType<scf::ForallOp>();
  auto length = loop ? dyn_cast_if_present<Value>(extentOf(mask.op, mask.keys)) : Value();
  if (!length || !loop.isDefinedOutsideOfLoop(length))
    return;
  SmallVector<OpOperand *> sizes;
  Operation *first = mask.op;
  for (OpOperand &use : length.getUses()) {
    Operation *reader = use.getOwner();
    if (!loop->isProperAncestor(reader) || !isa<tensor::EmptyOp, tensor::ExtractSliceOp, tensor::InsertSliceOp>(reader))
      continue;
    Operation *top = loop.getBody()->findAncestorOpInBlock(*reader);
    first = top->isBeforeInBlock(first) ? top : first;
    sizes.push_back(&use);
  }
  OpBuilder b(mask.op);
  Location loc = mask.op.getLoc();
  Value last = largest(b, mask.op, mask.keys, mask.last);
  if (!last)
    return;
  auto constant = [&](int64_t count) { return arith::ConstantIndexOp::create(b, loc, count); };
  Value seen = arith::AddIOp::create(b, loc, last, constant(1));
  // In whole vectors: what is masked in the last one costs less than a remainder.
  Value vectors = arith::CeilDivUIOp::create(b, loc, seen, constant(kVectorColumns));
  seen = arith::MulIOp::create(b, loc, vectors, constant(kVectorColumns));
  auto bound = arith::MinUIOp::create(b, loc, seen, length);
  if (!moveBefore(bound, first))
    return;
  if (Operation *definition = length.getDefiningOp(); definition && definition->hasAttr(kUpperBoundAttr))
    bound->setAttr(kUpperBoundAttr, definition->getAttr(kUpperBoundAttr));
  for (OpOperand *size : sizes)
    size->set(bound);
}

void FptqSkipMaskedKeysPass::runOnOperation() {
  SmallVector<CausalMask> masks;
  getOperation().walk([&](linalg::GenericOp op) {
    if (std::optional<CausalMask> mask = matchMask(op); mask && op.hasPureTensorSemantics())
      masks.push_back(*mask);
  });
  for (CausalMask mask : masks)
    shorten(mask);
}
} // namespace mlir::fptq
