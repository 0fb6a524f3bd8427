//===- ComputedWeight.cpp - weights made of nothing but constants ---------===//
#include "fptq/Raise/ComputedWeight.h"
#include "LayerNames.h"
#include "MatchLinear.h"
#include "fptq/IR/Fptq.h"
#include "fptq/Support/Parameters.h"
#include "fptq/Support/TensorBytes.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
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

bool mlir::fptq::walkBackwards(Value value, SetVector<Operation *> &ops, function_ref<bool(Value)> mayGoOn) {
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

static bool hasEffects(Operation *op) { return !isMemoryEffectFree(op); }

/// Adds to `ops` what `value` is computed from; false if that is more than constants, and what `isGiven`.
static bool collectComputation(Value value, function_ref<bool(Value)> isGiven, SetVector<Operation *> &ops) {
  return walkBackwards(value, ops, [&](Value next) {
    Operation *op = next.getDefiningOp();
    return isGiven(next) || (op && !hasEffects(op) && ops.size() < kMaxOperations);
  });
}

bool mlir::fptq::isComputedFrom(Value value, function_ref<bool(Value)> isGiven) {
  SetVector<Operation *> ops;
  return collectComputation(value, isGiven, ops);
}

/// A KV cache, say: it is another value in each call.
static bool readsMutableGlobal(Operation *op) {
  auto load = dyn_cast<ml_program::GlobalLoadOp>(op);
  auto global = load ? SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(load, load.getGlobalAttr()) : nullptr;
  return global && global.getIsMutable();
}

bool mlir::fptq::isComputedFromConstants(Value value) {
  return !computationOf(value, 4 * kMaxOperations, readsMutableGlobal).empty();
}

/// Two bits, the least there is, for each element of `count` weights of `type`.
static bool holdsWeights(Operation *op, int64_t count, RankedTensorType type) {
  auto root = isConstantRoot(op) ? dyn_cast<RankedTensorType>(op->getResult(0).getType()) : RankedTensorType();
  if (!root || !root.hasStaticShape() || !root.getElementType().isIntOrFloat())
    return false;
  return double(root.getNumElements()) * root.getElementTypeBitWidth() >= 2.0 * count * type.getNumElements();
}

bool mlir::fptq::isWeightChosenBy(linalg::LinalgOp op, const llvm::DenseSet<Value> &counters, int64_t trips,
                                  function_ref<bool(Value)> isGiven) {
  if (!op.hasPureTensorSemantics() || !isMultiplyAccumulate(op) || hasOneInputChannel(op))
    return false;
  int constant = 0, chosen = 0;
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(input);
    Value weight = peelWeight(input->get(), map);
    auto type = dyn_cast<RankedTensorType>(weight.getType());
    if (!type || !type.hasStaticShape() || isOneNumber(weight) || differsAlongBatch(op, input, map))
      continue;
    bool isCounted = false;
    auto given = [&](Value value) {
      isCounted |= counters.contains(value);
      return counters.contains(value) || isGiven(value);
    };
    SetVector<Operation *> ops;
    if (!collectComputation(weight, given, ops))
      continue;
    ++constant;
    chosen += isCounted && llvm::any_of(ops, [&](Operation *op) { return holdsWeights(op, trips, type); });
  }
  return constant == 1 && chosen == 1; // of two constants none is a layer's
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
    if (!isFloatTensor(weight) || isOneNumber(weight) || !type.hasStaticShape() ||
        !addressableBytes(type.getShape(), sizeof(float)).value_or(0) || differsAlongBatch(op, input, map))
      continue;
    SetVector<Operation *> ops =
        computationOf(weight, kMaxOperations, [](Operation *op) { return hasEffects(op) || holdsCodes(op); });
    if (!ops.empty() && !found.ops.empty())
      return {}; // constants times constants: no layer's
    if (!ops.empty())
      found = {weight, topologicalSort(ops)};
  }
  return found;
}

static std::string nameOfLargest(const SetVector<Operation *> &ops) {
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
  for (Operation *op : ops)
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op); slice && !name.empty() && constantName(slice) == name)
      return name.str() + slicesOf(slice);
  return name.str();
}

std::string mlir::fptq::nameOf(const ComputedWeight &weight) { return nameOfLargest(weight.ops); }

std::string mlir::fptq::nameOfConstantIn(Value value) {
  SetVector<Operation *> ops;
  walkBackwards(value, ops, [&](Value) { return ops.size() < 4 * kMaxOperations; });
  return nameOfLargest(ops);
}
