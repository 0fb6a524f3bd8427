//===- ScalarTensors.cpp - tensors of rank 0 as numbers -------------------===//
#include "ScalarTensors.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::fptq;

static Value numberOf(OpBuilder &b, Value tensor) {
  return b.createOrFold<tensor::ExtractOp>(tensor.getLoc(), tensor, ValueRange());
}

static Value tensorOf(OpBuilder &b, Value number) {
  return tensor::FromElementsOp::create(b, number.getLoc(), RankedTensorType::get({}, number.getType()), number);
}

static void scalarize(RewriterBase &rewriter, linalg::GenericOp op) {
  rewriter.setInsertionPoint(op);
  IRMapping values;
  for (auto [operand, argument] : llvm::zip_equal(op->getOperands(), op.getBody()->getArguments()))
    if (!argument.use_empty()) // an output that is written alone is tensor.empty
      values.map(argument, isa<TensorType>(operand.getType()) ? numberOf(rewriter, operand) : operand);
  for (Operation &inner : op.getBody()->without_terminator())
    rewriter.clone(inner, values);
  SmallVector<Value> results;
  for (Value yielded : op.getBody()->getTerminator()->getOperands())
    results.push_back(tensorOf(rewriter, values.lookupOrDefault(yielded)));
  rewriter.replaceOp(op, results);
}

void mlir::fptq::scalarizeTensors(RewriterBase &rewriter, Region &region, function_ref<bool(Type)> wanted) {
  SmallVector<linalg::GenericOp> ops;
  region.walk([&](linalg::GenericOp op) {
    auto isWanted = [&](Type type) { return wanted(getElementTypeOrSelf(type)); };
    if (!op.getNumLoops() && op.hasPureTensorSemantics() && llvm::all_of(op->getOperandTypes(), isWanted))
      ops.push_back(op);
  });
  for (linalg::GenericOp op : ops)
    scalarize(rewriter, op);
}

/// A tensor that holds one integer; the type it has as a number.
static Type numberType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() == 0 && isa<IntegerType, IndexType>(tensor.getElementType())
             ? tensor.getElementType()
             : Type();
}

/// Numbers in place of the tensors of rank 0 among `values`.
static SmallVector<Value> numbersOf(OpBuilder &b, ValueRange values) {
  return llvm::map_to_vector(values,
                             [&](Value value) { return numberType(value.getType()) ? numberOf(b, value) : value; });
}

/// `block`'s arguments become numbers, and what used them tensors of these.
static void takeNumbers(RewriterBase &rewriter, Block &block) {
  rewriter.setInsertionPointToStart(&block);
  for (BlockArgument argument : block.getArguments())
    if (Type number = numberType(argument.getType())) {
      argument.setType(number);
      Value tensor = tensorOf(rewriter, argument);
      rewriter.replaceAllUsesExcept(argument, tensor, tensor.getDefiningOp());
    }
}

static void passNumbers(RewriterBase &rewriter, Operation *terminator) {
  rewriter.setInsertionPoint(terminator);
  terminator->setOperands(numbersOf(rewriter, terminator->getOperands()));
}

scf::WhileOp mlir::fptq::carryNumbers(RewriterBase &rewriter, scf::WhileOp loop) {
  if (llvm::none_of(loop->getOperandTypes(), numberType) && llvm::none_of(loop->getResultTypes(), numberType))
    return loop;
  rewriter.setInsertionPoint(loop);
  auto types = llvm::map_to_vector(loop->getResultTypes(), [](Type type) {
    Type number = numberType(type);
    return number ? number : type;
  });
  auto made = scf::WhileOp::create(rewriter, loop.getLoc(), types, numbersOf(rewriter, loop.getInits()));
  made.getBefore().takeBody(loop.getBefore());
  made.getAfter().takeBody(loop.getAfter());
  for (Block *block : {made.getBeforeBody(), made.getAfterBody()}) {
    takeNumbers(rewriter, *block);
    passNumbers(rewriter, block->getTerminator());
  }
  rewriter.setInsertionPointAfter(made);
  SmallVector<Value> results;
  for (auto [before, now] : llvm::zip_equal(loop.getResults(), made.getResults()))
    results.push_back(before.getType() == now.getType() ? now : tensorOf(rewriter, now));
  rewriter.replaceOp(loop, results);
  return made;
}
