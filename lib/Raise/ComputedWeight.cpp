//===- ComputedWeight.cpp - weights made of nothing but constants ---------===//
#include "fptq/Raise/ComputedWeight.h"
#include "MatchLinear.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Support/Parameters.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace mlir::fptq;

/// More than a frontend makes of weight_norm (12) or of spectral_norm (40).
static constexpr size_t kMaxOperations = 256;

bool mlir::fptq::isConstantRoot(Operation *op) {
  return isa<ml_program::GlobalLoadConstOp>(op) || matchPattern(op, m_Constant());
}

/// Elements that may be codes of a quantized weight; one bit is a mask, 64 are indices.
static bool isOfCodes(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  auto element = tensor ? dyn_cast<IntegerType>(tensor.getElementType()) : IntegerType();
  return element && element.getWidth() > 1 && element.getWidth() < 64 && tensor.getNumElements() > 1;
}

/// Quantized weights are `fptq-import-quant`'s: what it leaves alone is not to be quantized a second time.
static bool holdsCodes(Operation *op) {
  auto walk = op->walk([](Operation *inner) {
    bool isCodes = isa<DequantizeOp>(inner) || (isConstantRoot(inner) && isOfCodes(inner->getResult(0).getType()));
    return isCodes ? WalkResult::interrupt() : WalkResult::advance();
  });
  return walk.wasInterrupted();
}

/// Inserts what `value` is computed from, backwards, as long as `mayGoOn`; false if it may not. It is asked of each
/// value and of nothing twice.
static bool walkBackwards(Value value, SetVector<Operation *> &ops, function_ref<bool(Value)> mayGoOn) {
  SmallVector<Value> open = {value};
  while (!open.empty()) {
    Value next = open.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (op && ops.contains(op))
      continue;
    if (!mayGoOn(next))
      return false;
    if (!op)
      continue;
    ops.insert(op);
    llvm::append_range(open, op->getOperands());
    SetVector<Value> above;
    getUsedValuesDefinedAbove(op->getRegions(), above);
    llvm::append_range(open, above);
  }
  return true;
}

/// What `value` is computed from, if that is nothing but constants in at most `limit` operations, none of them
/// `refused`; empty if not.
static SetVector<Operation *> computationOf(Value value, size_t limit, function_ref<bool(Operation *)> refused) {
  SetVector<Operation *> ops;
  bool isComputed = walkBackwards(value, ops, [&](Value next) {
    Operation *op = next.getDefiningOp();
    return op && !refused(op) && ops.size() < limit;
  });
  return isComputed ? ops : SetVector<Operation *>();
}

bool mlir::fptq::isComputedFromConstants(Value value) {
  return !computationOf(value, 4 * kMaxOperations, [](Operation *) { return false; }).empty();
}

ComputedWeight mlir::fptq::matchComputedWeight(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics() || !isMultiplyAccumulate(op) || hasOneInputChannel(op))
    return {};
  ComputedWeight found;
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(input);
    Value weight = peelWeight(input->get(), map);
    if (isConstantChain(weight))
      return {};
    auto type = dyn_cast<RankedTensorType>(weight.getType());
    // What differs along a batch is no layer's: keys of relative positions (DeBERTa), which are computed, too.
    if (!isFloatTensor(weight) || isOneNumber(weight) || !type.hasStaticShape() || !type.getNumElements() ||
        differsAlongBatch(op, input, map))
      continue;
    SetVector<Operation *> ops =
        computationOf(weight, kMaxOperations, [](Operation *op) { return !isMemoryEffectFree(op) || holdsCodes(op); });
    if (!ops.empty() && !found.ops.empty())
      return {}; // constants times constants: no layer's
    if (!ops.empty())
      found = {weight, topologicalSort(ops)};
  }
  return found;
}

static StringRef nameOfLargest(const SetVector<Operation *> &ops) {
  StringRef name;
  int64_t largest = 0;
  for (Operation *op : ops)
    op->walk([&](Operation *inner) {
      auto type = isConstantRoot(inner) ? dyn_cast<RankedTensorType>(inner->getResult(0).getType()) : nullptr;
      if (!type || !type.hasStaticShape() || type.getNumElements() <= largest)
        return;
      if (StringRef found = constantName(inner->getResult(0)); !found.empty())
        largest = type.getNumElements(), name = found;
    });
  return name;
}

StringRef mlir::fptq::nameOf(const ComputedWeight &weight) { return nameOfLargest(weight.ops); }

StringRef mlir::fptq::nameOfConstantIn(Value value) {
  SetVector<Operation *> ops;
  walkBackwards(value, ops, [&](Value) { return ops.size() < 4 * kMaxOperations; });
  return nameOfLargest(ops);
}
