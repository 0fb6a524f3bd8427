//===- ProductFactors.cpp - what a contraction multiplies -----------------===//
#include "ProductFactors.h"
#include "fptq/Raise/ComputedWeight.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::fptq;

/// More than any model multiplies in one body.
static constexpr size_t kMaxFactors = 64;

namespace {
class ProductReader {
public:
  ProductReader(linalg::LinalgOp op, unsigned number);
  std::optional<ProductSum> read(Value *stuck);

private:
  bool collectTerm(Value yielded);
  bool collect(Value v, bool isDivisor);
  bool readInputs(Value v, Factor &factor, llvm::SmallDenseSet<Value> &seen);
  std::optional<ProductSum> sides();
  Value findStuck() const;

  linalg::LinalgOp op;
  unsigned number;
  SmallVector<AffineMap> maps;
  SmallVector<bool> constantInputs;
  llvm::SmallBitVector loops, results; ///< of more than one iteration; those of them that the result has
  SmallVector<Factor> factors;
  bool isNegative = false;
};
} // namespace

ProductReader::ProductReader(linalg::LinalgOp op, unsigned number)
    : op(op), number(number), maps(op.getIndexingMapsArray()), loops(op.getNumLoops()), results(op.getNumLoops()) {
  for (OpOperand *input : op.getDpsInputOperands())
    constantInputs.push_back(isComputedFromConstants(input->get()));
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(number));
  for (auto [loop, extent] : llvm::enumerate(op.getStaticLoopRanges())) {
    loops[loop] = extent != 1;
    results[loop] = extent != 1 && result.isFunctionOfDim(loop);
  }
}

/// False where `v` is more than a number made of elements: it depends on an index, on a sum. A value of `seen` is
/// known: a number may be used many times.
bool ProductReader::readInputs(Value v, Factor &factor, llvm::SmallDenseSet<Value> &seen) {
  if (!seen.insert(v).second)
    return true;
  auto argument = dyn_cast<BlockArgument>(v);
  if (argument && argument.getOwner() == op.getBlock()) {
    unsigned input = argument.getArgNumber();
    if (input >= op.getNumDpsInputs())
      return false;
    factor.inputs.insert(argument);
    factor.isConstant &= constantInputs[input];
    for (unsigned loop : loops.set_bits())
      factor.loops[loop] = factor.loops[loop] || maps[input].isFunctionOfDim(loop);
    return true;
  }
  Operation *source = v.getDefiningOp();
  if (!source || source->getBlock() != op.getBlock()) { // from outside
    factor.isConstant &= isComputedFromConstants(v);
    return true;
  }
  return isPure(source) && !isa<linalg::IndexOp>(source) && !source->getNumRegions() &&
         llvm::all_of(source->getOperands(), [&](Value operand) { return readInputs(operand, factor, seen); });
}

/// As few factors as there can be: what constants alone make is one, however many products it has. Where there are too
/// many, of squares of squares, the rest stay whole.
bool ProductReader::collect(Value v, bool isDivisor) {
  Factor factor;
  llvm::SmallDenseSet<Value> seen;
  factor.value = v, factor.isDivisor = isDivisor, factor.loops.resize(op.getNumLoops());
  if (!isa<FloatType>(v.getType()) || !readInputs(v, factor, seen))
    return false;
  bool isWhole = factor.isConstant || factors.size() >= kMaxFactors;
  Operation *source = isWhole ? nullptr : v.getDefiningOp();
  if (auto mul = dyn_cast_if_present<arith::MulFOp>(source))
    return collect(mul.getLhs(), isDivisor) && collect(mul.getRhs(), isDivisor);
  if (auto div = dyn_cast_if_present<arith::DivFOp>(source))
    return collect(div.getLhs(), isDivisor) && collect(div.getRhs(), !isDivisor);
  if (auto neg = dyn_cast_if_present<arith::NegFOp>(source)) {
    isNegative = !isNegative;
    return collect(neg.getOperand(), isDivisor);
  }
  // A product that is rounded, or widened, before it is added: its factors are.
  if (isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(source) && factor.inputs.size() > 1)
    return collect(source->getOperand(0), isDivisor);
  factors.push_back(std::move(factor));
  return true;
}

/// sum + term, sum - term, fma
bool ProductReader::collectTerm(Value yielded) {
  Value sum = op.getBlock()->getArgument(op.getNumDpsInputs() + number);
  Operation *add = yielded.getDefiningOp();
  if (auto fma = dyn_cast_if_present<math::FmaOp>(add))
    return fma.getC() == sum && collect(fma.getA(), false) && collect(fma.getB(), false);
  isNegative = isa_and_nonnull<arith::SubFOp>(add);
  if (!isa_and_nonnull<arith::AddFOp, arith::SubFOp>(add))
    return false;
  if (add->getOperand(0) == sum)
    return collect(add->getOperand(1), false);
  return add->getOperand(1) == sum && !isNegative && collect(add->getOperand(0), false);
}

/// Constants along rows alone are the activation's: a mask, say.
std::optional<ProductSum> ProductReader::sides() {
  llvm::SmallBitVector rows(op.getNumLoops()), ofWeight(op.getNumLoops());
  for (const Factor &factor : factors)
    if (!factor.isConstant)
      rows |= factor.loops;
  rows &= results;
  llvm::SmallBitVector columns = results;
  columns.reset(rows);
  ProductSum sum;
  sum.isNegative = isNegative;
  for (const Factor &factor : factors) {
    bool isWeight = factor.isConstant && (!factor.loops.anyCommon(rows) || factor.loops.anyCommon(columns));
    if (isWeight)
      ofWeight |= factor.loops;
    (isWeight ? sum.weight : sum.activation).push_back(factor);
  }
  bool isLinear = ofWeight.anyCommon(columns) && ofWeight.test(results) && !sum.activation.empty();
  return isLinear ? std::optional(std::move(sum)) : std::nullopt;
}

/// A constant that is a weight to one activation, but not to all that it is multiplied with.
Value ProductReader::findStuck() const {
  for (const Factor &weight : factors)
    for (const Factor &x : factors) {
      llvm::SmallBitVector summed = weight.loops, columns = weight.loops;
      summed.reset(results), columns &= results, columns.reset(x.loops);
      if (weight.isConstant && !x.isConstant && summed.anyCommon(x.loops) && columns.any())
        return op->getOperand(weight.inputs.front().getArgNumber());
    }
  return {};
}

std::optional<ProductSum> ProductReader::read(Value *stuck) {
  if (!collectTerm(op.getBlock()->getTerminator()->getOperand(number)))
    return std::nullopt;
  std::optional<ProductSum> sum = sides();
  if (stuck)
    *stuck = findStuck();
  return sum;
}

std::optional<ProductSum> mlir::fptq::readProduct(linalg::LinalgOp op, unsigned number, Value *stuck) {
  return ProductReader(op, number).read(stuck);
}
