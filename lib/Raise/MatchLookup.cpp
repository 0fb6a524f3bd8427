//===- MatchLookup.cpp - does this generic read rows of a table? ----------===//
//
// Front ends agree on `tensor.extract` in a generic and on nothing else: ids are an input or extracted too, of any
// integer type, checked by asserts (torch-mlir), clamped (jax) or taken as they are, and what follows the lookup may
// stand in the same body. What counts is which loops an index depends on.
//
//===----------------------------------------------------------------------===//
#include "MatchLookup.h"
#include "fptq/Support/Parameters.h"

using namespace mlir;
using namespace mlir::fptq;

/// The ops of `op`'s body whose value differs along one of `loops`.
static llvm::DenseSet<Operation *> varyingOps(linalg::GenericOp op, const llvm::SmallBitVector &loops) {
  auto readsAlong = [&](AffineMap map) {
    return llvm::any_of(loops.set_bits(), [&](unsigned loop) { return map.isFunctionOfDim(loop); });
  };
  llvm::DenseSet<Value> values;
  for (OpOperand &operand : op->getOpOperands())
    if (op.isDpsInit(&operand) || readsAlong(op.getMatchingIndexingMap(&operand)))
      values.insert(op.getMatchingBlockArgument(&operand));
  llvm::DenseSet<Operation *> ops;
  for (Operation &inner : *op.getBody()) {
    bool varies = inner
                      .walk([&](Operation *nested) {
                        auto index = dyn_cast<linalg::IndexOp>(nested);
                        bool found = (index && loops.test(index.getDim())) ||
                                     llvm::any_of(nested->getOperands(), [&](Value v) { return values.contains(v); });
                        return found ? WalkResult::interrupt() : WalkResult::advance();
                      })
                      .wasInterrupted();
    if (!varies)
      continue;
    ops.insert(&inner);
    values.insert_range(inner.getResults());
  }
  return ops;
}

FailureOr<IndexMatch> mlir::fptq::matchIndex(linalg::GenericOp op, Value index, llvm::SmallBitVector along) {
  IndexMatch match{index, along, varyingOps(op, along)};
  Operation *makes = index.getDefiningOp();
  if (makes && match.varying.contains(makes))
    return failure();
  return match;
}

static bool isFloatTable(Value table) {
  auto type = dyn_cast<RankedTensorType>(table.getType());
  return type && type.getRank() == 2 && isa<Float32Type, Float16Type, BFloat16Type>(type.getElementType());
}

static constexpr StringLiteral kNoConstant = "its table is no constant (a function's argument counts as an activation)";

bool mlir::fptq::isMadeInside(linalg::GenericOp op, Value value) {
  return op.getRegion().isAncestor(value.getParentRegion());
}

FailureOr<LookupMatch> mlir::fptq::matchLookup(linalg::GenericOp op, StringRef &reason) {
  reason = "";
  if (!op.hasPureTensorSemantics() || op.getNumResults() != 1 || op.getNumReductionLoops() ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isPermutation())
    return failure();
  for (auto extract : op.getBody()->getOps<tensor::ExtractOp>()) {
    if (!isFloatTable(extract.getTensor()))
      continue;
    Value row = extract.getIndices()[0];
    auto channel = extract.getIndices()[1].getDefiningOp<linalg::IndexOp>();
    if (!channel || row.getDefiningOp<linalg::IndexOp>()) // a row of its own for each loop: a copy
      continue;
    auto channelLoop = static_cast<unsigned>(channel.getDim());
    llvm::SmallBitVector along(op.getNumLoops());
    along.set(channelLoop);
    FailureOr<IndexMatch> rowMatch = matchIndex(op, row, along);
    if (failed(rowMatch))
      continue;
    LookupMatch match{extract, extract, extract.getTensor(), channelLoop, *rowMatch};
    if (!isConstantChain(match.table)) {
      if (isa<BlockArgument>(match.table)) // else rows of an activation
        reason = kNoConstant;
      continue;
    }
    if (isMadeInside(op, match.table)) {
      reason = "its table is a constant inside of the body";
      continue;
    }
    if (op.getStaticLoopRanges()[match.channelLoop] != cast<RankedTensorType>(match.table.getType()).getDimSize(1)) {
      reason = "what it reads of a row is not known to be all of it";
      continue;
    }
    auto extension = extract->hasOneUse() ? dyn_cast<arith::ExtFOp>(*extract->user_begin()) : arith::ExtFOp();
    if (extension && extension->getBlock() == op.getBody() && extension.getType().isF32())
      match.value = extension;
    return match;
  }
  return failure();
}

FailureOr<Value> mlir::fptq::matchLookup(tensor::GatherOp op, StringRef &reason) {
  reason = "";
  if (!isFloatTable(op.getSource()) || op.getGatherDims() != ArrayRef<int64_t>{0} ||
      op.getIndices().getType().getShape().back() != 1)
    return failure();
  if (isConstantChain(op.getSource()))
    return op.getSource();
  reason = kNoConstant;
  return failure();
}
